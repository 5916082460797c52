"""Getting through a list of jobs: one bad file never stops the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.batch.plan import Job
from deblurcli.errors import DeblurError, OutputError
from deblurcli.images import OutputExists, Photo, display_name, read_photo, write_photo
from deblurcli.restore.compare import side_by_side

if TYPE_CHECKING:
    import numpy as np

    from deblurcli.restore.deblurrer import Deblurrer


class Status(str, Enum):
    """What became of a file."""

    DONE = "done"
    SKIPPED = "skipped"  # the output was there already
    GUARDED = "guarded"  # written, but the network failed somewhere and the input was kept there
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes:
        job: the job.
        status: done, skipped, guarded or failed.
        seconds: from reading to writing.
        size: (width, height) in pixels, if it was read.
        change: mean absolute difference between input and result, in 8-bit levels, if it was restored.
        notes: what the user should know about this file.
        error: why it failed or was skipped.
        compare: the before/after picture, if one was written.
    """

    job: Job
    status: Status
    seconds: float = 0.0
    size: tuple[int, int] | None = None
    change: float | None = None
    notes: tuple[str, ...] = ()
    error: DeblurError | None = None
    compare: Path | None = None


@dataclass(frozen=True)
class Options:
    """How every job of a run is done.

    Attributes:
        strength: 0 to 1, see `Deblurrer`.
        quality: of lossy formats, 1 to 100; default like the source.
        overwrite: replace outputs that exist already.
        compare: also write a before/after picture beside the output.
    """

    strength: float = 1.0
    quality: int | None = None
    overwrite: bool = False
    compare: bool = False


def run_jobs(
    jobs: Iterable[Job],
    deblurrer: Deblurrer,
    options: Options,
    begin: Callable[[Job], None] = lambda job: None,
    advance: Callable[[float], None] = lambda share: None,
) -> Iterator[Outcome]:
    """Do the jobs in order; yields an outcome for each.

    Args:
        jobs: what to do.
        deblurrer: the loaded model.
        options: how to do it.
        begin: told about each job before it starts.
        advance: told the share of the current job that is done, 0 to 1.
    """
    for job in jobs:
        begin(job)
        started = time.perf_counter()
        try:
            outcome = run_job(job, deblurrer, options, advance)
        except OutputExists as error:
            outcome = Outcome(job, Status.SKIPPED, error=error)
        except DeblurError as error:
            outcome = Outcome(job, Status.FAILED, error=error)
        except MemoryError:
            text = (
                f"{display_name(job.source)}: not enough memory for this image; close other programs or scale it down"
            )
            outcome = Outcome(job, Status.FAILED, error=DeblurError(text))
        yield replace(outcome, seconds=time.perf_counter() - started)


def run_job(job: Job, deblurrer: Deblurrer, options: Options, advance: Callable[[float], None]) -> Outcome:
    refuse_existing(job, options)
    compare = compare_target(job) if options.compare else None
    photo = read_source(job.source)
    restored, change, kept = restore_photo(photo, deblurrer, options.strength, advance)
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{display_name(job.target.parent)}: cannot make this folder ({error.strerror})") from error
    notes = photo.notes + write_photo(
        restored, job.target, format=job.format, quality=options.quality, overwrite=options.overwrite
    )
    if kept:
        notes += (f"the model failed on {kept:.1%} of this picture; the input was kept there",)
    if compare:
        write_photo(side_by_side(photo, restored), compare, overwrite=options.overwrite)
    height, width = photo.pixels.shape[:2]
    status = Status.GUARDED if kept else Status.DONE
    return Outcome(job, status, size=(width, height), change=change, notes=notes, compare=compare)


def compare_target(job: Job) -> Path:
    """Where the before/after picture of a job goes."""
    return job.target.with_name(job.target.stem + "-compare.jpg")


def refuse_existing(job: Job, options: Options) -> None:
    """Known before the long work: that a file to be written is there already.

    Raises:
        OutputExists: if so, unless it may be replaced.
    """
    for target in (job.target, *([compare_target(job)] if options.compare else [])):
        if target.exists() and not options.overwrite:
            raise OutputExists(f"{display_name(target)}: exists already; replace it with --overwrite")


def read_source(source: Path) -> Photo:
    """Read a photo; "-" is standard input."""
    return read_photo(sys.stdin.buffer.read()) if source == Path("-") else read_photo(source)


def restore_photo(
    photo: Photo, deblurrer: Deblurrer, strength: float, advance: Callable[[float], None] = lambda share: None
) -> tuple[Photo, float, float]:
    """The restored photo, the mean change in 8-bit levels, and the share where the input was kept."""
    result = deblurrer.restore(photo.pixels, strength, advance)
    return replace(photo, pixels=result.pixels), mean_change(photo.pixels, result.pixels), result.kept


def mean_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference in 8-bit levels, a strip at a time, so that large photos need no second copy."""
    import numpy as np

    total = 0.0
    for top in range(0, len(before), 256):
        strip = slice(top, top + 256)
        total += float(np.abs(after[strip].astype(np.float32) - before[strip]).sum(dtype=np.float64))
    return total / before.size / (np.iinfo(before.dtype).max / 255)
