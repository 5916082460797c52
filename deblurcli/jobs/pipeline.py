"""The engine that is this process: readers, an engine for each device, and writers, each handing on to the next.

All are threads of one process: decoding, encoding and the engines' arithmetic let go of Python's lock. The first engine
runs in the calling thread: every thread that computes gets OpenMP threads of its own, and once there are more of them
than cores, they sleep at each step rather than wait, which costs a tenth of the speed or more. What waits between them
is bounded in pixels, so memory depends neither on how many files there are nor on how fast a disk is.

A GPU has two engines, so that one hands over its next photo while the GPU computes the other's. Small photos of one
size that are waiting go through it together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from deblurcli.jobs.crew import Crew, threads_split
from deblurcli.jobs.events import Advanced, Begun
from deblurcli.jobs.outputs import refuse_lost, why_lost
from deblurcli.jobs.process import Fetched, Loaded, Ready, fetch, load, restore, save, try_step
from deblurcli.jobs.room import Room
from deblurcli.jobs.run import Abandoned, Run
from deblurcli.jobs.stores.files import is_read_once
from deblurcli.jobs.task import Result, Status, Task, not_done

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

WAITING_PIXELS = 48_000_000  # per device, before it and behind it
GPU_ENGINES = 2
WAKE_SECONDS = 0.5  # so that signals are seen on every system
READER_SECONDS = 2.0  # that a stop waits for readers: a pipe or a lost disk may never answer
UNKNOWN_PIXELS = WAITING_PIXELS  # a header that tells no size is not trusted to be a small picture's

Decoded = tuple[Loaded, int]  # a photo, and the pixels it was let in with


def restore_here(tasks: Sequence[Task], deblurrers: Sequence[Deblurrer], run: Run, lanes: int = 2) -> None:
    """Do the tasks, about in order. What can be read only once comes last, so that none waits for a pipe."""
    restore_as_they_come(iter(sorted(tasks, key=lambda task: is_read_once(task.source))), deblurrers, run, lanes)


def restore_as_they_come(tasks: Iterator[Task], deblurrers: Sequence[Deblurrer], run: Run, lanes: int = 2) -> None:
    """Do tasks.

    On a stop the photos in the engines are left, and those behind them are written, unless nothing can be. Readers that
    do not answer then are left behind.

    Args:
        tasks: what to do; the iterator may wait, and must end after a stop.
        deblurrers: the loaded model, once for each device; a device may be named twice.
        run: how, and whom to tell; also of those that a stop leaves undone.
        lanes: readers, and as many writers.
    """
    pipeline = _Pipeline(tasks, deblurrers, run)
    with threads_split(deblurrers) as threads:
        try:
            pipeline.work(lanes, threads)
        finally:
            run.stop.request()
            pipeline.join()
    if run.failure:
        raise run.failure


class _Pipeline:
    """What the threads share. A picture is only ever held by the one function that works on it, or a queue."""

    def __init__(self, tasks: Iterator[Task], deblurrers: Sequence[Deblurrer], run: Run) -> None:
        self.tasks, self.run = tasks, run
        self.engines = [each for each in deblurrers for _ in range(GPU_ENGINES if each.device.type == "cuda" else 1)]
        self.next_task, self.turn, self.handing_over = threading.Lock(), threading.Lock(), threading.Lock()
        self.reading: dict[int, Task] = {}  # by reader
        self.ahead = Room(WAITING_PIXELS * len(deblurrers))
        self.behind = Room(WAITING_PIXELS * len(deblurrers))
        self.loaded: SimpleQueue[Decoded | None] = SimpleQueue()
        self.set_aside: dict[int, Decoded] = {}  # by engine: the next one, which is not like those before it
        self.ready: SimpleQueue[tuple[Ready, int] | None] = SimpleQueue()
        self.threads: list[threading.Thread] = []
        self.readers: list[threading.Thread] = []

    def work(self, lanes: int, threads: int | None) -> None:
        engines = len(self.engines)
        computing = Crew(engines, lambda: put_all(self.ready, lanes))
        reading, writing = Crew(lanes, lambda: put_all(self.loaded, engines)), Crew(lanes, lambda: None)
        self.readers = reading.start(lanes, lambda index: self.repeat(lambda: self.read_next(index)))
        self.threads += writing.start(lanes, lambda _: self.repeat(self.write_next))
        self.threads += computing.start(engines - 1, lambda index: self.compute(index + 1, threads))
        with computing.member():
            self.compute(0, threads)
        self.join()
        for task in self.left_undone():
            self.run.ended(not_done(task))

    def join(self) -> None:
        """Wait for all threads; for readers only a while, as they have ended unless there was a stop."""
        for thread in self.threads:
            while thread.is_alive():
                thread.join(WAKE_SECONDS)
        deadline = time.monotonic() + READER_SECONDS
        for thread in self.readers:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def left_undone(self) -> Iterator[Task]:
        """What a stop has left: in the hands of readers that do not answer, between the threads, and not begun."""
        with self.handing_over:
            held = list(self.reading.values())
            self.reading.clear()
        yield from held
        with suppress(Empty):
            while True:
                if loaded := self.loaded.get_nowait():
                    yield loaded[0].task
        yield from self.tasks

    def repeat(self, step: Callable[[], bool]) -> None:
        while step():
            pass

    def read_next(self, index: int) -> bool:
        with self.next_task:
            task = None if self.run.stop() else next(self.tasks, None)
            if task is None:
                return False
            self.reading[index] = task
        pixels = 0
        loaded: Fetched | Loaded | Result = try_step(task, lambda: fetch(task))
        if isinstance(loaded, Fetched):
            fetched = loaded
            pixels = fetched.pixels or UNKNOWN_PIXELS
            with self.turn:  # so that a large picture gets its turn
                if not self.ahead.take(pixels, self.run.stop):
                    return False
            loaded = try_step(task, lambda: load(fetched))
        with self.handing_over:
            if self.reading.pop(index, None) is None:
                return False  # it took too long after a stop, and was told about already
            if isinstance(loaded, Loaded):
                self.loaded.put((loaded, pixels))
                return True
        if pixels:
            self.ahead.give(pixels)
        self.run.ended(loaded)
        return True

    def compute(self, index: int, threads: int | None) -> None:
        if threads:
            import torch

            torch.set_num_threads(threads)  # of this thread's own pool
        self.repeat(lambda: self.restore_next(index))

    def restore_next(self, index: int) -> bool:
        try:
            batch = self.next_alike(index)
        except Empty:
            return not self.run.stop()  # a reader that does not answer would be waited for
        if not batch:
            return False
        for _, pixels in batch:
            self.ahead.give(pixels)
        photos = [loaded for loaded, _ in batch]
        if self.run.stop():
            for loaded in photos:
                self.run.ended(not_done(loaded.task))
            return True

        def advance(share: float) -> None:
            if self.run.stop():
                raise Abandoned
            self.run.tell(Advanced(index, share))

        height, width = photos[0].photo.pixels.shape[:2]
        self.run.tell(Begun(index, photos[0].task, len(photos) * height * width))
        for (_, pixels), ready in zip(batch, self.restored(photos, self.engines[index], advance), strict=True):
            if isinstance(ready, Result):
                self.run.ended(ready)
            else:
                self.behind.take(pixels)
                self.ready.put((ready, pixels))
        return True

    def next_alike(self, index: int) -> list[Decoded]:
        """The next photo, with those behind it that the engine takes together with it; none when all are done.

        Raises:
            Empty: if none is ready yet.
        """
        first = self.set_aside.pop(index, None) or self.loaded.get(timeout=WAKE_SECONDS)
        if first is None:
            return []
        batch, pixels = [first], first[0].photo.pixels
        height, width = pixels.shape[:2]
        while len(batch) < self.engines[index].together_pixels // (height * width):
            try:
                following = self.loaded.get_nowait()
            except Empty:
                break
            if following is None:
                self.loaded.put(None)
                break
            others = following[0].photo.pixels
            if (others.shape, others.dtype) != (pixels.shape, pixels.dtype):
                self.set_aside[index] = following
                break
            batch.append(following)
        return batch

    def restored(
        self, photos: list[Loaded], engine: Deblurrer, advance: Callable[[float], None]
    ) -> list[Ready | Result]:
        """Restore photos together; if that fails each alone, so that none pays for another."""
        try:
            together = try_step(photos[0].task, lambda: restore(photos, engine, self.run.options, advance))
            if not isinstance(together, Result):
                return list(together)
            if len(photos) == 1:
                return [together]
        except Abandoned:
            return [not_done(loaded.task) for loaded in photos]
        return [one for loaded in photos for one in self.restored([loaded], engine, advance)]

    def write_next(self) -> bool:
        item = self.ready.get()
        if item is None:
            return False
        ready, pixels = item
        self.run.ended(not_done(ready.loaded.task) if self.run.stop.lost else self.written(ready))
        self.behind.give(pixels)
        return True

    def written(self, ready: Ready) -> Result:
        loaded, run = ready.loaded, self.run

        def write() -> Result:
            refuse_lost(loaded.task, run.roots)
            run.started(loaded.task, loaded.fingerprint)
            return save(ready, run.options)

        result = try_step(loaded.task, write)
        if result.error and result.status is Status.FAILED and (lost := why_lost(loaded.task, result.error, run.roots)):
            run.stop.request(lost)
        return result


def put_all(queue: SimpleQueue[Decoded | None] | SimpleQueue[tuple[Ready, int] | None], count: int) -> None:
    """Tell `count` threads that nothing more will come."""
    for _ in range(count):
        queue.put(None)
