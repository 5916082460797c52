"""Layers that are fed an image a few rows at a time: in PyTorch, or in the compiled library.

`feed(rows, last)` takes the next rows (N, C, h, W), channels innermost, and gives those of the result that are complete
by then, perhaps none; `last` says that the image ends with them. A layer of the library may have more to give after
that: feed it no rows until it is finished.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.native.layers import Layer
from deblurcli.native.streams import LayerStream, RowBuffer
from deblurcli.networks.mtcnn.network import down, leaky
from deblurcli.tiling.row_stream import RowQueue, SlidingWindow


class RowLayer(Protocol):
    """A layer between two feeds."""

    @property
    def finished(self) -> bool:
        """Whether all rows are out."""

    @property
    def latency(self) -> int:
        """How many rows the result is behind the image."""

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """See above."""


class ConvRows(RowLayer, Protocol):
    """A convolution and its activation."""

    def keep(self, rows: Tensor) -> None:
        """The next rows of a skip connection, whose channels follow those that are fed; they come before these."""


class TorchConv:
    """In PyTorch; slope as for `network.leaky`, None for no activation."""

    latency = 0

    def __init__(self, layer: nn.Conv2d, slope: float | None) -> None:
        pad = layer.kernel_size[0] // 2

        def valid(rows: Tensor) -> Tensor:
            return F.conv2d(rows, layer.weight, layer.bias, layer.stride, (0, pad))

        self.window = SlidingWindow(layer.kernel_size[0], layer.stride[0], pad, pad, layer, valid)
        self.slope, self.finished = slope, False
        self.skip: RowQueue | None = None

    def keep(self, rows: Tensor) -> None:
        """As `ConvRows.keep`."""
        self.skip = self.skip or RowQueue()
        self.skip.feed(rows)

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowLayer.feed`."""
        self.finished = last
        if self.skip:
            rows = torch.cat([rows, self.skip.take(rows.shape[2])], 1)
        result = self.window.feed(rows, last)
        return result if self.slope is None else leaky(result, self.slope)


class NativeConv:
    """In the library.

    Args:
        layer: the convolution.
        slope: as for `TorchConv`.
        skip: channels of the skip connection.
        latency, limit: as for `LayerStream`.
    """

    def __init__(self, layer: Layer, slope: float | None, skip: int, latency: int, limit: int) -> None:
        self.fed, self.kept = RowBuffer(), RowBuffer()
        sources = [(self.fed, (0, layer.channels[0] - skip)), (self.kept, (0, skip))][: 2 if skip else 1]
        self.layer = LayerStream(layer, sources, latency, limit, relu=slope == 0, leak=slope or 0.0)
        self.latency = self.layer.latency

    @property
    def finished(self) -> bool:
        """As of `RowLayer`."""
        return self.layer.finished

    def keep(self, rows: Tensor) -> None:
        """As `ConvRows.keep`."""
        self.kept.feed(rows)

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowLayer.feed`."""
        self.fed.feed(rows)
        result = self.layer.advance(rows.shape[0], rows.shape[3], last)
        for buffer in (self.fed, self.kept):
            buffer.drop(self.layer.needed, copy=buffer is self.fed)
        return result


class Pool:
    """The largest of 2x2 pixels."""

    def __init__(self, latency: int) -> None:
        self.latency, self.finished = -(-latency // 2), False
        self.waiting: Tensor | None = None

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowLayer.feed`."""
        self.finished = last
        if self.waiting is not None:
            rows, self.waiting = torch.cat([self.waiting, rows], 2), None
        pairs = rows.shape[2] // 2
        if 2 * pairs < rows.shape[2]:
            self.waiting = rows[:, :, 2 * pairs :].clone()
        if not pairs:
            return rows.new_empty(*rows.shape[:2], 0, rows.shape[3] // 2)
        return innermost(down(rows[:, :, : 2 * pairs]))


class Grow:
    """Twice the size, bilinear: a row of the result lies between two rows. `grow` does it for an image of its own."""

    def __init__(self, grow: Callable[[Tensor], Tensor], latency: int) -> None:
        self.grow, self.latency, self.finished = grow, 2 * (latency + 1), False
        self.waiting: Tensor | None = None  # the last two rows

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowLayer.feed`."""
        nothing = rows.new_empty(*rows.shape[:2], 0, 2 * rows.shape[3])
        if self.finished or not (rows.shape[2] or last):
            return nothing
        self.finished = last
        parts = [rows[:, :, :1] if self.waiting is None else self.waiting, rows]
        if last:
            parts.append((rows if rows.shape[2] else parts[0])[:, :, -1:])
        rows = innermost(torch.cat(parts, 2))
        self.waiting = rows[:, :, -2:].clone()
        return innermost(self.grow(rows)[:, :, 2:-2]) if rows.shape[2] > 2 else nothing


def innermost(x: Tensor) -> Tensor:
    """(N, C, H, W) -> the same values with channels innermost, copied only if need be."""
    if x.stride(1) == 1 and x.stride(3) == x.shape[1]:
        return x
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
