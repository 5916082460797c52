"""One job: read, restore, write, and what became of it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from deblurcli.batch.manifest import file_fingerprint, settings_hash
from deblurcli.batch.names import COMPARISON
from deblurcli.batch.plan import Job
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, OutputError
from deblurcli.images import OutputExists, Photo, encode_photo, read_photo, write_files
from deblurcli.images.capacity import refuse_impossible
from deblurcli.restore.compare import before_and_after

if TYPE_CHECKING:
    import numpy as np

    from deblurcli.restore.deblurrer import Deblurrer


class Status(str, Enum):
    """What became of a file."""

    DONE = "done"
    SKIPPED = "skipped"  # the output was there already
    GUARDED = "guarded"  # written, but the network failed somewhere and the input was kept there
    FAILED = "failed"
    NOT_DONE = "not done"  # the run ended before it


StepT = TypeVar("StepT")
_ADDRESS = re.compile(
    r" at 0x[0-9a-fA-F]+"
)  # of an object, other each time: equal errors would not be counted together


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
        device: what restored it.
        fingerprint: of the input as it was read, see `Record`.
    """

    job: Job
    status: Status
    seconds: float = 0.0
    size: tuple[int, int] | None = None
    change: float | None = None
    notes: tuple[str, ...] = ()
    error: DeblurError | None = None
    compare: Path | None = None
    device: str | None = None
    fingerprint: str = ""


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


@dataclass(frozen=True)
class Loaded:
    """A photo that was read."""

    job: Job
    photo: Photo
    fingerprint: str
    seconds: float


@dataclass(frozen=True)
class Ready:
    """A photo that was restored. Attributes: as in `Loaded`, and the result with the share where the input was kept."""

    job: Job
    photo: Photo
    restored: Photo
    kept: float
    fingerprint: str
    seconds: float
    device: str


def run_job(job: Job, deblurrer: Deblurrer, options: Options, advance: Callable[[float], None]) -> Outcome:
    """Do one job, its three steps in turn.

    Raises:
        DeblurError: if it cannot be done.
    """
    (ready,) = restore_loaded([load_photo(job, options)], deblurrer, options, advance)
    return save_result(ready, options)


def load_photo(job: Job, options: Options) -> Loaded:
    """Read a job's photo, unless its result is there already, or could not be written.

    Raises:
        OutputExists, OutputError, InputError: see there.
    """
    started = time.perf_counter()
    refuse_existing(job, options)
    fingerprint = source_fingerprint(job.source)  # taken first, so that a change while it is read is seen the next time
    photo = read_source(job.source)
    height, width = photo.pixels.shape[:2]
    refuse_too_large(job.target, job.format, (width, height))
    return Loaded(job, photo, fingerprint, time.perf_counter() - started)


def restore_loaded(
    batch: Sequence[Loaded], deblurrer: Deblurrer, options: Options, advance: Callable[[float], None]
) -> list[Ready]:
    """Remove the blur from a photo, or several that are alike. `advance` is told the share that is done, 0 to 1."""
    started = time.perf_counter()
    results = deblurrer.restore_alike([loaded.photo.pixels for loaded in batch], options.strength, advance)
    seconds = (time.perf_counter() - started) / len(batch)
    return [
        Ready(
            loaded.job,
            loaded.photo,
            replace(loaded.photo, pixels=result.pixels),
            result.kept,
            loaded.fingerprint,
            loaded.seconds + seconds,
            str(deblurrer.device),
        )
        for loaded, result in zip(batch, results, strict=True)
    ]


def save_result(ready: Ready, options: Options) -> Outcome:
    """Write a result, and the before/after picture if it is wanted: both, or none.

    Raises:
        OutputError: if one cannot be written.
    """
    started = time.perf_counter()
    job, photo, kept = ready.job, ready.photo, ready.kept
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{display_name(job.target.parent)}: cannot make this folder ({error.strerror})") from error
    data, notes = encoded(ready.restored, job.target, job.format, options.quality)
    files, notes = [(data, job.target)], photo.notes + notes
    compare = compare_target(job) if options.compare else None
    if compare:
        picture, problem = compared(photo, ready.restored, compare)
        if picture:
            files.insert(0, (picture, compare))
        else:
            compare, notes = None, (*notes, f"no before/after picture: {problem}")
    write_files(files, overwrite=options.overwrite or job.replace)
    if kept:
        notes += (kept_note(kept),)
    height, width = photo.pixels.shape[:2]
    return Outcome(
        job,
        Status.GUARDED if kept else Status.DONE,
        seconds=ready.seconds + time.perf_counter() - started,
        size=(width, height),
        change=mean_change(photo.pixels, ready.restored.pixels),
        notes=notes,
        compare=compare,
        device=ready.device,
        fingerprint=ready.fingerprint,
    )


def try_step(job: Job, step: Callable[[], StepT]) -> StepT | Outcome:
    """Take a step of a job; what goes wrong becomes its outcome."""
    try:
        return step()
    except OutputExists as error:
        return Outcome(job, Status.SKIPPED, error=error)
    except DeblurError as error:
        return Outcome(job, Status.FAILED, error=error)
    except Exception as error:
        # A mistake in this program or a library, met by this photo; the others should not pay for it.
        problem = unexpected(error)
    return Outcome(job, Status.FAILED, error=DeblurError(f"{display_name(job.source)}: {problem}"))


def unexpected(error: Exception) -> str:
    """What to tell of an error that is none of ours."""
    if isinstance(error, MemoryError):
        return "not enough memory for this image; close other programs or scale it down"
    line = display_name(" ".join(_ADDRESS.sub("", str(error)).split())[:200])
    return f"an error nobody expected ({type(error).__name__}: {line}); please report it with this photo"


def kept_note(kept: float) -> str:
    """What to tell of a picture on whose share `kept` the network failed."""
    return f"the model failed on {kept:.1%} of this picture; the input was kept there"


def settings_of(weights_sha256: str, precision: str, tta: bool, format: str | None, options: Options) -> str:
    """The same for all runs whose results are, whichever command they are of: one goes on where another has stopped.

    Args:
        weights_sha256: of the model's file.
        precision, tta: see `Deblurrer`; as the user asks for them.
        format: of the results, in Pillow's words; None for the sources' own.
        options: of the run.
    """
    return settings_hash(
        weights_sha256,
        precision=precision,
        tta=tta,
        strength=options.strength,
        quality=options.quality,
        format=format,
        compare=options.compare,
    )


def compare_target(job: Job) -> Path:
    """Where the before/after picture of a job goes."""
    return job.comparison or job.target.with_name(job.target.stem + COMPARISON)


def targets_of(job: Job, options: Options) -> list[Path]:
    """All that a job writes."""
    return [job.target, *([compare_target(job)] if options.compare else [])]


def refuse_existing(job: Job, options: Options) -> None:
    """Known before the long work: that a file to be written is there already, or cannot be for its name.

    Raises:
        OutputExists: if it is there, unless it may be replaced.
        OutputError: if the disk does not take such a name.
    """
    for target in targets_of(job, options):
        try:
            there = target.exists()
            circular = not there and target.is_symlink() and Path(os.path.realpath(target)).is_symlink()
        except OSError as error:
            raise OutputError(f"{display_name(target)}: cannot be written ({error.strerror}); shorten it") from None
        if circular:
            raise OutputError(f"{display_name(target)}: a link that leads back to itself; choose another name")
        if there and not (options.overwrite or job.replace):
            raise OutputExists(f"{display_name(target)}: exists already; replace it with --overwrite")


def refuse_too_large(target: Path | str, format: str, size: tuple[int, int]) -> None:
    """Known before the long work: that a result of this (width, height) does not fit its format, or cannot be encoded.

    Raises:
        OutputError: if so.
    """
    try:
        refuse_impossible(format, *size)
    except OutputError as problem:
        raise OutputError(f"{display_name(target)}: {problem}") from None


def encoded(photo: Photo, target: Path | str, format: str, quality: int | None) -> tuple[bytes, tuple[str, ...]]:
    """See `encode_photo`; its errors are about the target."""
    try:
        return encode_photo(photo, format, quality)
    except OutputError as problem:
        raise OutputError(f"{display_name(target)}: {problem}") from problem


def compared(before: Photo, after: Photo, target: Path) -> tuple[bytes | None, str]:
    """The before/after picture's file, or why there is none, which is no reason to go without the result."""
    try:
        picture = before_and_after(before, after)
        if picture is None:
            return None, "it would be larger than JPEG can hold"
        return encoded(picture, target, "JPEG", None)[0], ""
    except MemoryError:
        return None, "there is not enough memory for it"
    except OutputError as problem:
        return None, str(problem)


def source_fingerprint(source: Path) -> str:
    """See `Record`; of what is not there or is no file, nothing, as reading it will tell."""
    try:
        return file_fingerprint(source)
    except (OSError, ValueError):
        return ""


def read_source(source: Path) -> Photo:
    """Read a photo; "-" is standard input."""
    return read_photo(sys.stdin.buffer) if source == Path("-") else read_photo(source)


def restore_photo(
    photo: Photo, deblurrer: Deblurrer, strength: float, advance: Callable[[float], None] = lambda share: None
) -> tuple[Photo, float]:
    """The restored photo, and the share where the input was kept."""
    result = deblurrer.restore(photo.pixels, strength, advance)
    return replace(photo, pixels=result.pixels), result.kept


def mean_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference in 8-bit levels, a strip at a time, so that large photos need no second copy."""
    import numpy as np

    total = 0.0
    for top in range(0, len(before), 256):
        strip = slice(top, top + 256)
        total += float(np.abs(after[strip].astype(np.float32) - before[strip]).sum(dtype=np.float64))
    return total / before.size / (np.iinfo(before.dtype).max / 255)
