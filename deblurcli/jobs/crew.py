"""Threads of a kind, and how the cores are divided among those that compute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


class Crew:
    """Threads of a kind; the last to end does `then`.

    Args:
        count: how many they are.
        then: what the last one does.
    """

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self.left, self.then = [None] * count, then

    @contextmanager
    def member(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.left.pop()
            if not self.left:
                self.then()

    def start(self, count: int, work: Callable[[int], None]) -> list[threading.Thread]:
        """Members that do `work`, each told its number. The process does not wait for them when it ends."""

        def run(index: int) -> None:
            with self.member():
                work(index)

        threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
        for thread in threads:
            thread.start()
        return threads


@contextmanager
def threads_split(deblurrers: Sequence[Deblurrer]) -> Iterator[int | None]:
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
