"""A photo to restore, how, and what became of it: the words that plans, engines and reports have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deblurcli.errors import DeblurError
from deblurcli.jobs.stores.files import fingerprint_of
from deblurcli.jobs.stores.place import Place
from deblurcli.jobs.stores.sink import Sink


class Status(str, Enum):
    """What became of a photo."""

    DONE = "done"
    SKIPPED = "skipped"  # the output was there already
    GUARDED = "guarded"  # written, but the network failed somewhere and the input was kept there
    FAILED = "failed"
    NOT_DONE = "not done"  # the run ended before it


@dataclass(frozen=True)
class Options:
    """What results look like.

    Attributes:
        strength: 0 to 1, see `Deblurrer`.
        quality: of lossy formats, 1 to 100; default like the source.
        format: in Pillow's words; None for the sources' own.
        compare: also write a before/after picture beside each.
    """

    strength: float = 1.0
    quality: int | None = None
    format: str | None = None
    compare: bool = False


@dataclass(frozen=True)
class Task:
    """One photo to restore.

    Attributes:
        source: where it is.
        target: where the result goes.
        format: in which of Pillow's formats; None for the photo's own.
        root: the folder of results that the target belongs to, which has records of its own; None if the result goes
            beside the input, or there is only one.
        name: of the source, relative to the folder it was found in, with slashes.
        comparison: where the before/after picture goes, if one is wanted.
        listed: fingerprint of the source, where the listing of its store has told it.
        overwrite: whether a target that is there already may go.
        tried_before: whether a worker that was lost may have written the target.
    """

    source: Place
    target: Place | Sink
    format: str | None
    root: Place | None = None
    name: str = ""
    comparison: Path | None = None
    listed: str = ""
    overwrite: bool = False
    tried_before: bool = False

    @property
    def fingerprint(self) -> str:
        """Of the source as it is now, or when it was listed; see `Record`.

        Raises:
            InputError, StoreUnusable: if a store does not tell it.
        """
        return self.listed or fingerprint_of(self.source)

    @property
    def targets(self) -> list[Place | Sink]:
        """All that it writes."""
        return [self.target, *([self.comparison] if self.comparison else [])]


@dataclass(frozen=True)
class By:
    """What restored a photo: the names of the model, the device, the precision, and on a cluster the machine."""

    model: str
    device: str
    precision: str
    machine: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        task: the task.
        status: see there.
        seconds: from reading to writing, without waiting for others.
        size: (width, height) in pixels, if it was read.
        change: mean absolute difference between input and result, in 8-bit levels, if it was restored.
        notes: what the user should know about this photo.
        error: why it failed or was skipped.
        comparison: the before/after picture, if one was written.
        by: what restored it.
        fingerprint: of the source as it was read, see `Record`.
    """

    task: Task
    status: Status
    seconds: float = 0.0
    size: tuple[int, int] | None = None
    change: float | None = None
    notes: tuple[str, ...] = ()
    error: DeblurError | None = None
    comparison: Path | None = None
    by: By | None = None
    fingerprint: str = ""


def not_done(task: Task) -> Result:
    """What becomes of a task that a stop leaves."""
    return Result(task, Status.NOT_DONE)
