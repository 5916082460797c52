"""A bound on the pictures that are in memory, counted in pixels and not in files."""

from __future__ import annotations

import threading
from collections.abc import Callable

SMALLEST = 1_000_000  # that a picture counts for, so that small ones are bounded in number too
CHECK_SECONDS = 0.2


class Room:
    """Room for so many pixels. A picture that is larger than that gets in when there is no other.

    Args:
        pixels: how many.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self.taken = 0
        self.changed = threading.Condition()

    def take(self, pixels: int, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Wait for room and take it; False if `give_up` says so before there is any."""
        amount = max(pixels, SMALLEST)
        with self.changed:
            while self.taken and self.taken + amount > self.pixels:
                if give_up():
                    return False
                self.changed.wait(CHECK_SECONDS)
            self.taken += amount
        return True

    def give(self, pixels: int) -> None:
        """Give back what `take` took."""
        with self.changed:
            self.taken -= max(pixels, SMALLEST)
            self.changed.notify_all()
