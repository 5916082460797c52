"""Through many jobs at once: readers, an engine for each device, and writers, each handing on to the next.

All are threads of one process: decoding, encoding and the engines' arithmetic let go of Python's lock. What waits
between them is bounded in pixels, so memory depends neither on how many files there are nor on how fast a disk is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from deblurcli.batch.ledger import Ledger
from deblurcli.batch.outputs import Identity, OutputLost, refuse_lost, why_lost
from deblurcli.batch.plan import Job
from deblurcli.batch.room import Room
from deblurcli.batch.run import Loaded, Options, Outcome, Ready, Status, attempt, load, restore, save
from deblurcli.images.size import pixels_of

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

WAITING_PIXELS = 48_000_000  # per device, before it and behind it
UNKNOWN_PIXELS = WAITING_PIXELS  # a header that tells no size is not trusted to be a small picture's

Begin = Callable[[int, Job, int], None]
Advance = Callable[[int, float], None]


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
    begin: Begin = lambda device, job, pixels: None,
    advance: Advance = lambda device, share: None,
) -> Generator[Outcome, None, None]:
    """Do the jobs, about in order; yields an outcome for each, also for those that a stop leaves undone.

    On a stop the photos in the engines are left, and those behind them are written, unless nothing can be.

    Args:
        jobs: what to do.
        deblurrers: the loaded model, once for each device; a device may be named twice.
        options: how to do it.
        ledger: where it is recorded.
        roots: see `outputs.prepare`.
        lanes: readers, and as many writers.
        stop: asked all the time.
        begin: told which of the deblurrers begins which job, of how many pixels.
        advance: told which of them has done what share of its job, 0 to 1.
    """
    pipeline = _Pipeline(deque(jobs), deblurrers, options, ledger, roots, stop or Stop(), begin, advance)
    with _threads_split(deblurrers) as threads:
        try:
            yield from pipeline.run(lanes, threads)
        finally:
            pipeline.stop.request()
            pipeline.join()


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
        begin: Begin,
        advance: Advance,
    ) -> None:
        self.jobs, self.deblurrers, self.options, self.ledger, self.roots = jobs, deblurrers, options, ledger, roots
        self.stop, self.begin, self.advance = stop, begin, advance
        self.next_job = threading.Lock()
        self.ahead = Room(WAITING_PIXELS * len(deblurrers))
        self.behind = Room(WAITING_PIXELS * len(deblurrers))
        self.loaded: SimpleQueue[tuple[Loaded, int] | None] = SimpleQueue()
        self.ready: SimpleQueue[tuple[Ready, int] | None] = SimpleQueue()
        self.outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
        self.threads: list[threading.Thread] = []

    def run(self, lanes: int, threads: int | None) -> Iterator[Outcome]:
        engines = len(self.deblurrers)
        self.start(lanes, lambda _: self.repeat(self.read_next), lambda: put_all(self.loaded, engines))
        self.start(engines, lambda index: self.compute(index, threads), lambda: put_all(self.ready, lanes))
        self.start(lanes, lambda _: self.repeat(self.write_next), lambda: self.outcomes.put(None))
        while True:
            try:
                outcome = self.outcomes.get(timeout=0.5)  # so that signals are seen on every system
            except Empty:
                continue
            if outcome is None:
                break
            try:
                self.ledger.ended(outcome)
            except OutputLost as lost:
                self.stop.request(lost)
            yield outcome
        while self.jobs:
            yield not_done(self.jobs.popleft())

    def start(self, count: int, work: Callable[[int], None], then: Callable[[], None]) -> None:
        """Start threads of a kind; the last to end does `then`."""
        left = [None] * count

        def run(index: int) -> None:
            try:
                work(index)
            finally:
                left.pop()
                if not left:
                    then()

        for index in range(count):
            thread = threading.Thread(target=run, args=(index,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()

    def repeat(self, step: Callable[[], bool]) -> None:
        while step():
            pass

    def read_next(self) -> bool:
        with self.next_job:  # held while waiting for room, so that a large picture gets its turn
            if self.stop() or not self.jobs:
                return False
            pixels = pixels_of(self.jobs[0].source) or UNKNOWN_PIXELS
            if not self.ahead.take(pixels, self.stop):
                return False
            job = self.jobs.popleft()
        loaded = attempt(job, lambda: load(job, self.options))
        if isinstance(loaded, Outcome):
            self.ahead.give(pixels)
            self.outcomes.put(loaded)
        else:
            self.loaded.put((loaded, pixels))
        return True

    def compute(self, index: int, threads: int | None) -> None:
        if threads:
            import torch

            torch.set_num_threads(threads)  # of this thread's own pool
        self.repeat(lambda: self.restore_next(index))

    def restore_next(self, index: int) -> bool:
        item = self.loaded.get()
        if item is None:
            return False
        loaded, pixels = item
        self.ahead.give(pixels)
        job = loaded.job
        if self.stop():
            self.outcomes.put(not_done(job))
            return True

        def advance(share: float) -> None:
            if self.stop():
                raise Abandoned
            self.advance(index, share)

        height, width = loaded.photo.pixels.shape[:2]
        self.begin(index, job, height * width)
        try:
            ready = attempt(job, lambda: restore(loaded, self.deblurrers[index], self.options, advance))
        except Abandoned:
            ready = not_done(job)
        if isinstance(ready, Outcome):
            self.outcomes.put(ready)
        else:
            self.behind.take(pixels)
            self.ready.put((ready, pixels))
        return True

    def write_next(self) -> bool:
        item = self.ready.get()
        if item is None:
            return False
        ready, pixels = item
        self.outcomes.put(not_done(ready.job) if self.stop.lost else self.written(ready))
        self.behind.give(pixels)
        return True

    def written(self, ready: Ready) -> Outcome:
        job = ready.job

        def write() -> Outcome:
            refuse_lost(job, self.roots)
            self.ledger.started(job, ready.fingerprint)
            return save(ready, self.options)

        outcome = attempt(job, write)
        if outcome.error and outcome.status is Status.FAILED and (lost := why_lost(job, outcome.error, self.roots)):
            self.stop.request(lost)
        return outcome


def not_done(job: Job) -> Outcome:
    return Outcome(job, Status.NOT_DONE)


def put_all(queue: SimpleQueue[tuple[Loaded, int] | None] | SimpleQueue[tuple[Ready, int] | None], count: int) -> None:
    """Tell `count` threads that nothing more will come."""
    for _ in range(count):
        queue.put(None)


@contextmanager
def _threads_split(deblurrers: Sequence[Deblurrer]) -> Iterator[int | None]:
    """Divide the cores among engines on the CPU; how many threads each gets, None if there is nothing to divide."""
    import torch

    engines = sum(deblurrer.device.type == "cpu" for deblurrer in deblurrers)
    if engines < 2:
        yield None
        return
    before = torch.get_num_threads()
    share = max(before // engines, 1)
    torch.set_num_threads(share)  # what new threads begin with
    try:
        yield share
    finally:
        torch.set_num_threads(before)
