"""What a network is given to restore an image tile by tile: a source, a sink for results, a budget of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

FEWEST_PIXELS = 64 * 64


class Source(Protocol):
    """The blurry image, (N, C, height, width), padded to the network's size multiple."""

    @property
    def height(self) -> int:
        """Rows of pixels."""

    @property
    def width(self) -> int:
        """Columns of pixels."""

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """Rows [top, bottom) and columns [left, right): (N, C, bottom - top, right - left) float32 in [0, 1], RGB or
        grey, on any device. Raises MemoryError if they do not fit."""


@dataclass
class PixelBudget:
    """How many pixels of each image go through a network at once; halved when memory runs out."""

    pixels: int

    def halve(self) -> bool:
        """Returns False when tiles cannot get smaller."""
        if self.pixels <= FEWEST_PIXELS:
            return False
        self.pixels //= 2
        return True


Emit = Callable[[int, int, Tensor], None]  # (top, left, finished pixels (N, C, h, w))
Advance = Callable[[float], None]  # the share of all work that is done, 0 to 1
