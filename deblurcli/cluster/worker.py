"""One photo from store to store: read, restored, encoded and written. Both engines do it with this."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from deblurcli.batch.pipeline import Abandoned
from deblurcli.batch.run import (
    Status,
    encoded,
    kept_note,
    mean_change,
    refuse_too_large,
    restore_photo,
    unexpected,
)
from deblurcli.cluster import stores
from deblurcli.cluster.store_errors import StoreUnusable
from deblurcli.cluster.tasks import Task
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, UsageError
from deblurcli.images import OutputExists, Photo, read_photo

HANDS = 3  # photos a worker has at once: one is read, one is computed, one is written


@dataclass(frozen=True)
class Setup:
    """How every photo of a run is restored.

    Attributes:
        device, precision, tta: see `Deblurrer`.
        strength: 0 to 1.
        quality: of lossy formats, 1 to 100; None for that of the source.
    """

    device: str = "auto"
    precision: str = "auto"
    tta: bool = False
    strength: float = 1.0
    quality: int | None = None


@dataclass(frozen=True)
class By:
    """What restored a photo: the names of the model, the device and the precision, and on a cluster the machine."""

    model: str
    device: str
    precision: str
    machine: str | None


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        task: the task.
        status: done, guarded, skipped (the output appeared meanwhile), failed, or not done (the run was stopped).
        seconds: from reading to writing, without waiting for others.
        size: (width, height) in pixels, if it was read.
        change: mean absolute difference between input and result, in 8-bit levels, if it was restored.
        notes: what the user should know about it.
        error: why it failed or was skipped.
        unusable: whether the reason is that a store cannot be used at all, so that others will fail alike.
        by: what restored it.
    """

    task: Task
    status: Status
    seconds: float = 0.0
    size: tuple[int, int] | None = None
    change: float | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    unusable: bool = False
    by: By | None = None


class Worker:
    """A loaded model. `do` may be called from several threads; the network takes one photo at a time.

    It runs in a thread of its own: every thread that computes gets OpenMP threads, and more of them than cores slow
    each other down.

    Args:
        model: a name or a file, see `Deblurrer`.
        setup: how photos are restored.
        machine: its name, on a cluster.

    Raises:
        WeightsUnavailable, WeightsDamaged, UsageError: as by `Deblurrer`.
    """

    def __init__(self, model: str | Path, setup: Setup, machine: str | None = None) -> None:
        from deblurcli.restore.deblurrer import Deblurrer

        self.network = ThreadPoolExecutor(1)
        self.deblurrer = self.network.submit(Deblurrer, model, setup.device, setup.precision, tta=setup.tta).result()
        self.setup = setup
        self.stopped = False
        self.reading: set[Task] = set()
        self.by = By(self.deblurrer.info.name, str(self.deblurrer.device), self.deblurrer.precision, machine)

    def stop(self) -> None:
        """Leave what is being computed; what is being written will be."""
        self.stopped = True

    def do(self, task: Task) -> Result:
        """Do a task. Raises nothing; what goes wrong is in the result."""
        result = Result(task, Status.FAILED)
        try:
            return self.attempt(task)
        except Abandoned:
            return replace(result, status=Status.NOT_DONE)
        except OutputExists as error:
            return replace(result, status=Status.SKIPPED, error=str(error))
        except (StoreUnusable, UsageError) as error:
            return replace(result, error=str(error), unusable=True)
        except DeblurError as error:
            return replace(result, error=str(error))
        except Exception as error:
            # A mistake in this program or a library, met by this photo; the others should not pay for it.
            problem = unexpected(error)
        return replace(result, error=f"{display_name(str(task.source))}: {problem}")

    def attempt(self, task: Task) -> Result:
        """Do a task.

        Raises:
            DeblurError, MemoryError: if it cannot be done.
            Abandoned: after `stop`.
        """
        clock = Clock()
        with clock.running(), self.reading_of(task):
            photo = read_photo(stores.read(task.source), str(task.source))
            height, width = photo.pixels.shape[:2]
            refuse_too_large(str(task.target), task.format, (width, height))
        restored, kept = self.network.submit(self.restore, photo, clock).result()
        with clock.running():
            data, notes = encoded(restored, str(task.target), task.format, self.setup.quality)
            put(task, data)
            change = mean_change(photo.pixels, restored.pixels)
        notes = photo.notes + notes
        if kept:
            notes += (kept_note(kept),)
        status = Status.GUARDED if kept else Status.DONE
        return Result(task, status, clock.seconds, (width, height), change, notes, by=self.by)

    @contextlib.contextmanager
    def reading_of(self, task: Task) -> Iterator[None]:
        """While this lasts, a task can be left without any harm."""
        self.reading.add(task)
        try:
            yield
        finally:
            self.reading.discard(task)

    def restore(self, photo: Photo, clock: Clock) -> tuple[Photo, float]:
        """As `restore_photo`, when it is this photo's turn."""
        with clock.running():
            self.advance(0.0)
            return restore_photo(photo, self.deblurrer, self.setup.strength, self.advance)

    def advance(self, share: float) -> None:
        if self.stopped:
            raise Abandoned


class Clock:
    """Adds up the time in which it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started


def put(task: Task, data: bytes) -> None:
    """Write a result. One with the same bytes that is there already was written by this very task: by a worker that was
    lost before it could say so, or by a request whose answer was lost.

    Raises:
        OutputExists, OutputError, UsageError, StoreUnusable: as by `stores.write`.
    """
    try:
        stores.write(task.target, data, overwrite=task.overwrite)
    except OutputExists:
        if stores.read(task.target) != data:
            raise
