"""Layers that are fed an image a few rows at a time and give exactly the rows the whole image would give.

Each layer keeps only the rows its own kernel still needs (two for 5x5), so an image of any height flows through a deep
network without recomputing anything and without seams. `push(rows, last)` takes the next rows of the input,
(N, C, h, W), and returns those rows of the output that are complete by then, possibly none; `last` says that the image
ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.srn import Conv, ConvPair, Upsample


class Rows(Protocol):
    """A layer in a state between two pushes."""

    def push(self, rows: Tensor, last: bool) -> Tensor: ...


class Delay:
    """Rows that wait for the result of a longer path beside them: a shortcut, a skip connection, a cell state."""

    def __init__(self) -> None:
        self.waiting: Tensor | None = None

    def push(self, rows: Tensor) -> None:
        self.waiting = rows if self.waiting is None else torch.cat([self.waiting, rows], 2)

    def take(self, count: int) -> Tensor:
        """The oldest `count` rows."""
        assert self.waiting is not None
        taken, self.waiting = self.waiting[:, :, :count], self.waiting[:, :, count:]
        return taken


class WindowRows:
    """A layer whose output depends on a window of rows that slides over the input.

    Args:
        window: rows of the window.
        stride: rows it moves from one step to the next.
        before, after: rows of zeros above and below the image.
        whole: the layer itself, for an image that comes in one push.
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

    def push(self, rows: Tensor, last: bool) -> Tensor:
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


class PointRows:
    """A layer that treats every pixel by itself."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def push(self, rows: Tensor, last: bool) -> Tensor:
        result: Tensor = self.layer(rows)
        return result


class PairRows:
    """Two convolutions, with or without the shortcut around them."""

    def __init__(self, pair: ConvPair) -> None:
        self.residual = pair.kind == "residual"
        self.conv1, self.conv2 = rows_of(pair.conv1), rows_of(pair.conv2)
        self.shortcut = Delay()

    def push(self, rows: Tensor, last: bool) -> Tensor:
        result = self.conv2.push(F.relu_(self.conv1.push(rows, last)), last)
        if not self.residual:
            return F.relu_(result)
        self.shortcut.push(rows)
        return result.add_(self.shortcut.take(result.shape[2]))


class SequenceRows:
    """Layers one after the other."""

    def __init__(self, layers: nn.Sequential) -> None:
        self.layers = [rows_of(layer) for layer in layers]

    def push(self, rows: Tensor, last: bool) -> Tensor:
        for layer in self.layers:
            rows = layer.push(rows, last)
        return rows


@singledispatch
def rows_of(layer: nn.Module) -> Rows:
    """The layer, ready for the first rows of an image."""
    raise TypeError(f"no row-wise form of {type(layer).__name__}")


@rows_of.register
def _(layer: nn.ReLU) -> Rows:
    return PointRows(layer)


@rows_of.register
def _(layer: nn.Identity) -> Rows:
    return PointRows(layer)


@rows_of.register
def _(layer: ConvPair) -> Rows:
    return PairRows(layer)


@rows_of.register
def _(layer: nn.Sequential) -> Rows:
    return SequenceRows(layer)


@rows_of.register
def _(layer: Conv) -> Rows:
    before, after = layer.before, layer.after

    def valid(rows: Tensor) -> Tensor:
        if before == after:
            return F.conv2d(rows, layer.weight, layer.bias, layer.stride, (0, before))
        return F.conv2d(F.pad(rows, (before, after, 0, 0)), layer.weight, layer.bias, layer.stride)

    return WindowRows(layer.kernel_size[0], layer.stride[0], before, after, layer, valid)


@rows_of.register
def _(layer: Upsample) -> Rows:
    def valid(rows: Tensor) -> Tensor:
        # Output rows 2i and 2i + 1 draw on the input rows i - 1, i, i + 1; padding 3 cuts off the incomplete ones.
        return F.conv_transpose2d(rows, layer.weight, layer.bias, stride=2, padding=(3, 1))

    return WindowRows(3, 1, 1, 1, layer, valid)
