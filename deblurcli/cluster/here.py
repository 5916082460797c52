"""The engine that is this process: one model, and threads that read and write beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

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
            finished.
    """
    todo = deque(tasks)
    in_hand: set[Future[Result]] = set()
    with ThreadPoolExecutor(HANDS) as threads:
        try:
            while in_hand or (todo and not stop()):
                while todo and len(in_hand) < HANDS and not stop():
                    task = todo.popleft()
                    given(task)
                    in_hand.add(threads.submit(worker.do, task))
                done, in_hand = wait(in_hand, timeout=0.5, return_when=FIRST_COMPLETED)
                if stop():
                    worker.stop()
                for future in done:
                    yield future.result()
        finally:
            worker.stop()
