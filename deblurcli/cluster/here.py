"""The engine that is this process: one model, and threads that read and write beside it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from deblurcli.batch.pipeline import READER_SECONDS
from deblurcli.cluster.tasks import Task
from deblurcli.cluster.worker import HANDS, Result, Worker


def restore_here(
    tasks: Sequence[Task], worker: Worker, given: Callable[[Task], None], stop: Callable[[], bool]
) -> Generator[Result, None, None]:
    """Do the tasks, about in order; yields a result for each that was begun.

    Args:
        tasks: what to do.
        worker: with its model.
        given: told about each task before it is begun.
        stop: asked all the time; when it says so, the photo in the network is left and what is being written is
            finished. What is being read is waited for a little.
    """
    todo = deque(tasks)
    in_hand: dict[Future[Result], Task] = {}
    deadline: float | None = None  # after which photos that are still being read are left
    try:
        while in_hand or (todo and not stop()):
            while todo and len(in_hand) < HANDS and not stop():
                task = todo.popleft()
                given(task)
                in_hand[begun(worker, task)] = task
            done, _ = wait(in_hand, timeout=0.5, return_when=FIRST_COMPLETED)
            if stop():
                worker.stop()
                deadline = deadline or time.monotonic() + READER_SECONDS
            for future in done:
                del in_hand[future]
                yield future.result()
            if deadline and time.monotonic() > deadline and worker.reading.issuperset(in_hand.values()):
                return
    finally:
        worker.stop()


def begun(worker: Worker, task: Task) -> Future[Result]:
    """A task in a thread of its own, for which the process does not wait when it ends: a pipe may never answer."""
    future: Future[Result] = Future()
    threading.Thread(target=lambda: future.set_result(worker.do(task)), daemon=True).start()
    return future
