"""Layers that are fed an image a few rows at a time and give exactly the rows the whole image would give.

Each layer keeps only the rows its own kernel still needs (two for 5x5), so an image of any height flows through a deep
network without recomputing anything and without seams. `feed(rows, last)` takes the next rows of the input,
(N, C, h, W), and returns those rows of the output that are complete by then, possibly none; `last` says that the image
ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn


class RowStream(Protocol):
    """A layer in a state between two feeds."""

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """The next rows of the input, (N, C, h, W) -> the rows of the output complete by then, (N, C', h', W'), h' from
        0 up; `last` says that the image ends with them."""


class RowQueue:
    """Rows that wait for the result of a longer path beside them: a shortcut, a skip connection, a cell state."""

    def __init__(self) -> None:
        self.waiting: Tensor | None = None

    def feed(self, rows: Tensor) -> None:
        """The next rows, (N, C, h, W)."""
        self.waiting = rows if self.waiting is None else torch.cat([self.waiting, rows], 2)

    def take(self, count: int) -> Tensor:
        """The oldest `count` rows, (N, C, count, W); there must be so many."""
        assert self.waiting is not None
        taken, self.waiting = self.waiting[:, :, :count], self.waiting[:, :, count:]
        return taken


class SlidingWindow:
    """A layer whose output depends on a window of rows that slides over the input.

    Args:
        window: rows of the window.
        stride: rows it moves from one step to the next.
        before, after: rows of zeros above and below the image.
        whole: the layer itself, for an image that comes in one feed.
        valid: the layer without vertical padding: rows for a whole number of steps in, their output rows out.
    """

    def __init__(
        self,
        window: int,
        stride: int,
        before: int,
        after: int,
        whole: Callable[[Tensor], Tensor],
        valid: Callable[[Tensor], Tensor],
    ) -> None:
        self.window, self.stride, self.before, self.after = window, stride, before, after
        self.whole, self.valid = whole, valid
        self.kept: Tensor | None = None

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowStream.feed`."""
        if self.kept is None:
            if last:
                return self.whole(rows)
            self.kept = rows.new_zeros(*rows.shape[:2], self.before, rows.shape[3])
        parts = [self.kept, rows]
        if last:
            parts.append(rows.new_zeros(*rows.shape[:2], self.after, rows.shape[3]))
        rows = torch.cat(parts, 2)
        steps = max((rows.shape[2] - self.window) // self.stride + 1, 0)
        if steps == 0:  # too few for one step: one step on zeros gives the shape of an output without rows
            self.kept = rows
            return self.valid(rows.new_zeros(*rows.shape[:2], self.window, rows.shape[3]))[:, :, :0]
        self.kept = rows[:, :, steps * self.stride :].clone()  # a view would keep all rows alive
        return self.valid(rows[:, :, : (steps - 1) * self.stride + self.window])


class Pointwise:
    """A layer that treats every pixel by itself."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowStream.feed`; all rows come out at once."""
        result: Tensor = self.layer(rows)
        return result
