"""Through many jobs at once: readers, an engine for each device, and writers, each handing on to the next.

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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from deblurcli.batch.crew import Crew, threads_split
from deblurcli.batch.ledger import Ledger
from deblurcli.batch.outputs import Identity, OutputLost, refuse_lost, why_lost
from deblurcli.batch.plan import Job
from deblurcli.batch.room import Room
from deblurcli.batch.run import (
    Loaded,
    Options,
    Outcome,
    Ready,
    Status,
    load_photo,
    restore_loaded,
    save_result,
    try_step,
)
from deblurcli.images.size import pixels_of
from deblurcli.images.source import is_stream

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

WAITING_PIXELS = 48_000_000  # per device, before it and behind it
GPU_ENGINES = 2
WAKE_SECONDS = 0.5  # so that signals are seen on every system
READER_SECONDS = 2.0  # that a stop waits for readers: a pipe or a lost disk may never answer
UNKNOWN_PIXELS = WAITING_PIXELS  # a header that tells no size is not trusted to be a small picture's

Decoded = tuple[Loaded, int]  # a photo, and the pixels it was let in with
TellOutcome = Callable[[Outcome], None]
Begin = Callable[[int, Job, int], None]
AdvanceJob = Callable[[int, float], None]


class Stop:
    """A request to end a run early, from any thread or a signal.

    Attributes:
        lost: why nothing can be written any more, if that is the reason.
    """

    def __init__(self) -> None:
        self.requested = False
        self.lost: OutputLost | None = None

    def request(self, lost: OutputLost | None = None) -> None:
        self.requested = True
        self.lost = self.lost or lost

    def __call__(self) -> bool:
        return self.requested


class Abandoned(BaseException):
    """Raised inside an engine, to leave a photo at once; nothing that looks after errors should hold it up."""


def run_jobs(
    jobs: Iterable[Job],
    deblurrers: Sequence[Deblurrer],
    options: Options,
    *,
    ledger: Ledger,
    roots: dict[Path, Identity],
    lanes: int = 2,
    stop: Stop | None = None,
    tell: TellOutcome = lambda outcome: None,
    begin: Begin = lambda device, job, pixels: None,
    advance: AdvanceJob = lambda device, share: None,
) -> None:
    """Do the jobs, about in order.

    On a stop the photos in the engines are left, and those behind them are written, unless nothing can be. Readers that
    do not answer then are left behind. What is no regular file comes last, so that none waits for a pipe.

    Args:
        jobs: what to do.
        deblurrers: the loaded model, once for each device; a device may be named twice.
        options: how to do it.
        ledger: where it is recorded.
        roots: see `outputs.prepare`.
        lanes: readers, and as many writers.
        stop: asked all the time.
        tell: told the outcome of each job, also of those that a stop leaves undone; from any thread, one at a time.
            Should it raise an error, the run stops, and the error is raised here.
        begin: told which engine begins which job, of how many pixels; with it those that are restored together.
        advance: told which engine has done what share of that, 0 to 1.
    """
    in_order = sorted(jobs, key=lambda job: is_stream(job.source))
    pipeline = _Pipeline(deque(in_order), deblurrers, options, ledger, roots, stop or Stop(), tell, begin, advance)
    with threads_split(deblurrers) as threads:
        try:
            pipeline.run(lanes, threads)
        finally:
            pipeline.stop.request()
            pipeline.join()
    if pipeline.failure:
        raise pipeline.failure


class _Pipeline:
    """What the threads share. A picture is only ever held by the one function that works on it, or a queue."""

    def __init__(
        self,
        jobs: deque[Job],
        deblurrers: Sequence[Deblurrer],
        options: Options,
        ledger: Ledger,
        roots: dict[Path, Identity],
        stop: Stop,
        tell: TellOutcome,
        begin: Begin,
        advance: AdvanceJob,
    ) -> None:
        self.jobs, self.options, self.ledger, self.roots = jobs, options, ledger, roots
        self.engines = [each for each in deblurrers for _ in range(GPU_ENGINES if each.device.type == "cuda" else 1)]
        self.stop, self.tell, self.begin, self.advance = stop, tell, begin, advance
        self.next_job, self.turn, self.handing_over = threading.Lock(), threading.Lock(), threading.Lock()
        self.reading: dict[int, Job] = {}  # by reader
        self.ahead = Room(WAITING_PIXELS * len(deblurrers))
        self.behind = Room(WAITING_PIXELS * len(deblurrers))
        self.loaded: SimpleQueue[Decoded | None] = SimpleQueue()
        self.set_aside: dict[int, Decoded] = {}  # by engine: the next one, which is not like those before it
        self.ready: SimpleQueue[tuple[Ready, int] | None] = SimpleQueue()
        self.telling = threading.Lock()
        self.failure: Exception | None = None
        self.threads: list[threading.Thread] = []
        self.readers: list[threading.Thread] = []

    def run(self, lanes: int, threads: int | None) -> None:
        engines = len(self.engines)
        computing = Crew(engines, lambda: put_all(self.ready, lanes))
        reading, writing = Crew(lanes, lambda: put_all(self.loaded, engines)), Crew(lanes, lambda: None)
        self.readers = reading.start(lanes, lambda index: self.repeat(lambda: self.read_next(index)))
        self.threads += writing.start(lanes, lambda _: self.repeat(self.write_next))
        self.threads += computing.start(engines - 1, lambda index: self.compute(index + 1, threads))
        with computing.member():
            self.compute(0, threads)
        self.join()
        for job in self.left_undone():
            self.ended(not_done(job))

    def join(self) -> None:
        """Wait for all threads; for readers only a while, as they have ended unless there was a stop."""
        for thread in self.threads:
            while thread.is_alive():
                thread.join(WAKE_SECONDS)
        deadline = time.monotonic() + READER_SECONDS
        for thread in self.readers:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def left_undone(self) -> Iterator[Job]:
        """What a stop has left: in the hands of readers that do not answer, between the threads, and not begun."""
        with self.handing_over:
            held = list(self.reading.values())
            self.reading.clear()
        yield from held
        with suppress(Empty):
            while True:
                if loaded := self.loaded.get_nowait():
                    yield loaded[0].job
        while self.jobs:
            yield self.jobs.popleft()

    def ended(self, outcome: Outcome) -> None:
        """Record and tell what became of a job."""
        with self.telling:
            try:
                self.ledger.ended(outcome)
            except OutputLost as lost:
                self.stop.request(lost)
            try:
                self.tell(outcome)
            except Exception as error:
                self.failure = self.failure or error
                self.stop.request()

    def repeat(self, step: Callable[[], bool]) -> None:
        while step():
            pass

    def read_next(self, index: int) -> bool:
        with self.next_job:
            if self.stop() or not self.jobs:
                return False
            job = self.reading[index] = self.jobs.popleft()
        pixels = pixels_of(job.source) or UNKNOWN_PIXELS
        with self.turn:  # so that a large picture gets its turn
            if not self.ahead.take(pixels, self.stop):
                return False
        loaded = try_step(job, lambda: load_photo(job, self.options))
        with self.handing_over:
            if self.reading.pop(index, None) is None:
                return False  # it took too long after a stop, and was told about already
            if not isinstance(loaded, Outcome):
                self.loaded.put((loaded, pixels))
                return True
        self.ahead.give(pixels)
        self.ended(loaded)
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
            return not self.stop()  # a reader that does not answer would be waited for
        if not batch:
            return False
        for _, pixels in batch:
            self.ahead.give(pixels)
        photos = [loaded for loaded, _ in batch]
        if self.stop():
            for loaded in photos:
                self.ended(not_done(loaded.job))
            return True

        def advance(share: float) -> None:
            if self.stop():
                raise Abandoned
            self.advance(index, share)

        height, width = photos[0].photo.pixels.shape[:2]
        self.begin(index, photos[0].job, len(photos) * height * width)
        for (_, pixels), ready in zip(batch, self.restored(photos, self.engines[index], advance), strict=True):
            if isinstance(ready, Outcome):
                self.ended(ready)
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
    ) -> list[Ready | Outcome]:
        """Restore photos together; if that fails each alone, so that none pays for another."""
        try:
            together = try_step(photos[0].job, lambda: restore_loaded(photos, engine, self.options, advance))
            if not isinstance(together, Outcome):
                return list(together)
            if len(photos) == 1:
                return [together]
        except Abandoned:
            return [not_done(loaded.job) for loaded in photos]
        return [one for loaded in photos for one in self.restored([loaded], engine, advance)]

    def write_next(self) -> bool:
        item = self.ready.get()
        if item is None:
            return False
        ready, pixels = item
        self.ended(not_done(ready.job) if self.stop.lost else self.written(ready))
        self.behind.give(pixels)
        return True

    def written(self, ready: Ready) -> Outcome:
        job = ready.job

        def write() -> Outcome:
            refuse_lost(job, self.roots)
            self.ledger.started(job, ready.fingerprint)
            return save_result(ready, self.options)

        outcome = try_step(job, write)
        if outcome.error and outcome.status is Status.FAILED and (lost := why_lost(job, outcome.error, self.roots)):
            self.stop.request(lost)
        return outcome


def not_done(job: Job) -> Outcome:
    return Outcome(job, Status.NOT_DONE)


def put_all(queue: SimpleQueue[Decoded | None] | SimpleQueue[tuple[Ready, int] | None], count: int) -> None:
    """Tell `count` threads that nothing more will come."""
    for _ in range(count):
        queue.put(None)
