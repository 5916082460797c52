"""One photo: read, restored and written. Whoever restores photos does it with this, be it one or a million."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from deblurcli.display import display_name
from deblurcli.errors import DeblurError, OutputError
from deblurcli.images import OutputExists, Photo, encode_photo, read_photo
from deblurcli.images.capacity import refuse_impossible
from deblurcli.images.size import pixels_of
from deblurcli.jobs.events import Advanced, Begun, Tell, ignore
from deblurcli.jobs.stores import files
from deblurcli.jobs.stores.place import STANDARD_INPUT, Place, Url
from deblurcli.jobs.stores.sink import Sink
from deblurcli.jobs.task import By, Options, Result, Status, Task
from deblurcli.restore.compare import before_and_after

if TYPE_CHECKING:
    import numpy as np

    from deblurcli.restore.deblurrer import Deblurrer

StepT = TypeVar("StepT")
_ADDRESS = re.compile(
    r" at 0x[0-9a-fA-F]+"
)  # of an object, other each time: equal errors would not be counted together


@dataclass(frozen=True)
class Fetched:
    """A photo that can be read without waiting for a network.

    Attributes:
        task: the task.
        content: the file, if it is local, or else its bytes.
        fingerprint: of the source.
        seconds: so far.
    """

    task: Task
    content: Path | bytes
    fingerprint: str
    seconds: float

    @property
    def pixels(self) -> int | None:
        """Width times height as the header tells it; None if it tells nothing, or the photo can be read only once."""
        return pixels_of(self.content)


@dataclass(frozen=True)
class Loaded:
    """A photo that was read. Attributes: as in `Fetched`, and the format of the result."""

    task: Task
    photo: Photo
    format: str
    fingerprint: str
    seconds: float


@dataclass(frozen=True)
class Ready:
    """A photo that was restored, and what of it was kept, see `Restored`."""

    loaded: Loaded
    restored: Photo
    kept: float
    by: By
    seconds: float


def process(task: Task, model: Callable[[], Deblurrer], options: Options, tell: Tell = ignore) -> Result:
    """Restore one photo: the steps in turn, which an engine for many photos overlaps.

    Args:
        task: which.
        model: gives the loaded model; asked when the photo is read, so that a bad one does not wait for a model.
        options: how.
        tell: told how it goes.

    Raises:
        DeblurError: if it cannot be done.
    """
    loaded = load(fetch(task))
    deblurrer = model()
    height, width = loaded.photo.pixels.shape[:2]
    tell(Begun(0, task, height * width))
    (ready,) = restore([loaded], deblurrer, options, lambda share: tell(Advanced(0, share)))
    return save(ready, options)


def fetch(task: Task) -> Fetched:
    """Bring a task's photo here from its store, unless its result is there already, or could not be written.

    Raises:
        OutputExists, OutputError, InputError, StoreUnusable: see there.
    """
    started = time.perf_counter()
    refuse_existing(task)
    fingerprint = task.fingerprint  # taken first, so that a change while it is read is seen the next time
    content = files.read(task.source) if isinstance(task.source, Url) else task.source
    return Fetched(task, content, fingerprint, time.perf_counter() - started)


def load(fetched: Fetched) -> Loaded:
    """Read a photo.

    Raises:
        InputError: if it is none.
        OutputError: if its result would not fit the format.
    """
    started = time.perf_counter()
    task = fetched.task
    photo = read_source(task.source, fetched.content)
    format = task.format or photo.format
    height, width = photo.pixels.shape[:2]
    try:
        refuse_impossible(format, width, height)
    except OutputError as problem:
        raise OutputError(f"{display_name(task.target)}: {problem}") from None
    return Loaded(task, photo, format, fetched.fingerprint, fetched.seconds + time.perf_counter() - started)


def restore(
    batch: Sequence[Loaded], deblurrer: Deblurrer, options: Options, advance: Callable[[float], None]
) -> list[Ready]:
    """Remove the blur from a photo, or several that are alike. `advance` is told the share that is done, 0 to 1."""
    started = time.perf_counter()
    results = deblurrer.restore_alike([loaded.photo.pixels for loaded in batch], options.strength, advance)
    seconds = (time.perf_counter() - started) / len(batch)
    by = By(deblurrer.info.name, str(deblurrer.device), deblurrer.precision)
    return [
        Ready(loaded, replace(loaded.photo, pixels=result.pixels), result.kept, by, loaded.seconds + seconds)
        for loaded, result in zip(batch, results, strict=True)
    ]


def save(ready: Ready, options: Options) -> Result:
    """Write a result, and the before/after picture if it is wanted: both, or none.

    Raises:
        OutputError, StoreUnusable: if one cannot be written.
    """
    started = time.perf_counter()
    loaded, kept = ready.loaded, ready.kept
    task, photo = loaded.task, loaded.photo
    make_parent(task.target)
    data, notes = encoded(ready.restored, task.target, loaded.format, options.quality)
    written: list[tuple[bytes, Place | Sink]] = [(data, task.target)]
    notes, comparison = photo.notes + notes, task.comparison
    if comparison:
        picture, problem = compared(photo, ready.restored, comparison)
        if picture:
            written.insert(0, (picture, comparison))
        else:
            comparison, notes = None, (*notes, f"no before/after picture: {problem}")
    try:
        files.write(written, overwrite=task.overwrite)
    except OutputExists:
        if comparison or not is_ours(task.target, data):
            raise
    if kept:
        notes += (kept_note(kept),)
    height, width = photo.pixels.shape[:2]
    return Result(
        task,
        Status.GUARDED if kept else Status.DONE,
        seconds=ready.seconds + time.perf_counter() - started,
        size=(width, height),
        change=mean_change(photo.pixels, ready.restored.pixels),
        notes=notes,
        comparison=comparison,
        by=ready.by,
        fingerprint=loaded.fingerprint,
    )


def try_step(task: Task, step: Callable[[], StepT]) -> StepT | Result:
    """Take a step of a task; what goes wrong becomes its result."""
    try:
        return step()
    except OutputExists as error:
        return Result(task, Status.SKIPPED, error=error)
    except DeblurError as error:
        return Result(task, Status.FAILED, error=error)
    except Exception as error:
        # A mistake in this program or a library, met by this photo; the others should not pay for it.
        problem = unexpected(error)
    return Result(task, Status.FAILED, error=DeblurError(f"{display_name(task.source)}: {problem}"))


def unexpected(error: Exception) -> str:
    """What to tell of an error that is none of ours."""
    if isinstance(error, MemoryError):
        return "not enough memory for this image; close other programs or scale it down"
    line = display_name(" ".join(_ADDRESS.sub("", str(error)).split())[:200])
    return f"an error nobody expected ({type(error).__name__}: {line}); please report it with this photo"


def kept_note(kept: float) -> str:
    """What to tell of a picture on whose share `kept` the network failed."""
    return f"the model failed on {kept:.1%} of this picture; the input was kept there"


def refuse_existing(task: Task) -> None:
    """Known before the long work: that a file to be written is there already, or cannot be for its name. Of stores and
    of lost workers' results that is told when they are written.

    Raises:
        OutputExists: if it is there, unless it may be replaced.
        OutputError: if the disk does not take such a name.
    """
    for target in task.targets:
        if not isinstance(target, Path):
            continue
        try:
            there = target.exists()
            circular = not there and target.is_symlink() and Path(os.path.realpath(target)).is_symlink()
        except OSError as error:
            raise OutputError(f"{display_name(target)}: cannot be written ({error.strerror}); shorten it") from None
        if circular:
            raise OutputError(f"{display_name(target)}: a link that leads back to itself; choose another name")
        if there and not (task.overwrite or task.tried_before):
            raise OutputExists(f"{display_name(target)}: exists already; replace it with --overwrite")


def read_source(source: Place, content: Path | bytes) -> Photo:
    """Read a photo from what was fetched of it; "-" is standard input."""
    if isinstance(content, bytes):
        return read_photo(content, str(source))
    return read_photo(sys.stdin.buffer) if content == STANDARD_INPUT else read_photo(content)


def make_parent(target: Place | Sink) -> None:
    """Make the folder that a local file goes to."""
    if isinstance(target, Path):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{display_name(target.parent)}: cannot make this folder ({error.strerror})") from error


def encoded(photo: Photo, target: Place | Sink, format: str, quality: int | None) -> tuple[bytes, tuple[str, ...]]:
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


def is_ours(target: Place | Sink, data: bytes) -> bool:
    """Whether what is there has these very bytes. Then this very task wrote it: by a worker that was lost before it
    could say so, or by a request whose answer was lost."""
    return not isinstance(target, Sink) and files.read(target) == data


def mean_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference in 8-bit levels, a strip at a time, so that large photos need no second copy."""
    import numpy as np

    total = 0.0
    for top in range(0, len(before), 256):
        strip = slice(top, top + 256)
        total += float(np.abs(after[strip].astype(np.float32) - before[strip]).sum(dtype=np.float64))
    return total / before.size / (np.iinfo(before.dtype).max / 255)
