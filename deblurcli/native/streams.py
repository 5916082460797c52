"""Convolutions of the compiled library that are fed an image a few rows at a time.

A layer does not join the rows it kept with the new ones but gives the library the address of every row. Output rows are
computed in groups that begin at fixed places of the image, so results do not depend on how it is cut.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from deblurcli.native.buffers import pooled_empty
from deblurcli.native.layers import Layer
from deblurcli.native.rows import RowAddresses


class RowBuffer:
    """The rows of an image (N, C, H, W) that some layer still needs.

    Attributes:
        end: how many rows have come so far.
    """

    def __init__(self) -> None:
        self.end = 0
        self.strips: list[tuple[int, Tensor]] = []  # with the number of each one's first row

    def feed(self, rows: Tensor) -> None:
        """The next rows (N, C, h, W), channels innermost without gaps."""
        if rows.shape[2]:
            self.strips.append((self.end, rows))
            self.end += rows.shape[2]

    def rows(self, first: int, end: int, image: int, channels: tuple[int, int]) -> RowAddresses:
        """Rows [first, end) of one image of the batch, channels [from, to); those outside the image are zeros."""
        addresses = np.zeros(end - first, np.uint64)
        step = 0
        for start, strip in self.strips:
            low, high = max(first, start), min(end, start + strip.shape[2])
            if low < high:
                row, step = strip.stride(2) * 4, strip.stride(3)
                base = strip.data_ptr() + (strip.stride(0) * image + channels[0]) * 4 - start * row
                addresses[low - first : high - first] = base + row * np.arange(low, high)
        return RowAddresses(addresses, channels[1] - channels[0], step, tuple(strip for _, strip in self.strips))

    def drop(self, first: int, copy: bool) -> None:
        """Forget the rows before `first`; `copy` what stays of a strip, so that it does not keep all of it alive."""
        kept = []
        for start, strip in self.strips:
            gone = max(first - start, 0)
            if gone < strip.shape[2]:
                rest = strip[:, :, gone:]
                if copy and gone:
                    rest = pooled_empty(strip.shape[0], strip.shape[1], rest.shape[2], strip.shape[3]).copy_(rest)
                kept.append((start + gone, rest))
        self.strips = kept


class LayerStream:
    """A convolution between two feeds, reading from buffers that others may read as well.

    Args:
        layer: what to compute.
        sources: buffers, with the channels [from, to) that are read.
        latency: how many rows (of its input) the input is behind the image. Groups of output rows begin so that one is
            complete whenever the image has come to a whole number of groups. All layers advance together then, and
            few rows wait between them.
        limit: most input rows to use up at a time, about. After the last row has come, each layer still has rows to
            make of those it kept, and all that the layers before it made of theirs: together hundreds.
        relu: whether ReLU follows.
        leak: the slope below zero of the leaky ReLU that follows in its place; 0 for none.

    Attributes:
        latency: how many rows the output is behind the image.
        done: output rows so far.
        finished: whether they are all.
    """

    def __init__(
        self,
        layer: Layer,
        sources: list[tuple[RowBuffer, tuple[int, int]]],
        latency: int,
        limit: int,
        relu: bool = False,
        leak: float = 0.0,
    ) -> None:
        self.layer, self.sources, self.relu, self.leak = layer, sources, relu, leak
        steps = limit // layer.stride
        self.limit = (-(-steps // layer.unit) + 1) * layer.unit  # one unit more, so that no row has to wait for long
        self.done, self.finished = 0, False
        self.behind = -(-(latency + layer.kernel - layer.stride - layer.before) // layer.stride)  # in steps
        self.latency = self.behind * layer.up

    def group_end(self, steps: int) -> int:
        """The last end of a group of steps that is not behind `steps`."""
        unit = self.layer.unit
        return (steps + self.behind) // unit * unit - self.behind

    def advance(self, batch: int, width: int, last: bool, residual: RowBuffer | None = None) -> Tensor:
        """The next output rows that can be computed by now, (N, K, h, W').

        `last` says that the sources hold the last row.
        """
        layer, up, down = self.layer, self.layer.up, self.layer.stride
        height = self.sources[0][0].end
        first_step = self.done // up
        steps = height // down if last else self.group_end((height + layer.before - layer.kernel) // down + 1)
        steps = max(min(steps, self.group_end(first_step + self.limit)), first_step)
        out = pooled_empty(batch, layer.channels[1], (steps - first_step) * up, width * up // down)
        first_group = min(self.group_end(first_step + layer.unit - 1), steps)  # which the image may have cut
        for start, stop in ((first_step, first_group), (first_group, steps)):
            rows = slice((start - first_step) * up, (stop - first_step) * up)
            first, end = start * down - layer.before, (stop - 1) * down - layer.before + layer.kernel
            for image in range(batch if stop > start else 0):
                rows_of_all = [buffer.rows(first, end, image, channels) for buffer, channels in self.sources]
                added = (0, layer.channels[1])
                shortcut = residual.rows(start * up, stop * up, image, added) if residual else None
                layer.run(rows_of_all, width, out[image][:, rows], self.relu, shortcut, self.leak)
        self.done = steps * up
        self.finished = last and steps == height // down
        return out

    @property
    def needed(self) -> int:
        """The first input row that is still needed."""
        return self.done // self.layer.up * self.layer.stride - self.layer.before


class SingleStream:
    """One convolution with a buffer of its own; what is to be added may come from elsewhere."""

    def __init__(self, layer: Layer, latency: int, limit: int, relu: bool, leak: float = 0.0) -> None:
        self.buffer = RowBuffer()
        self.layer = LayerStream(layer, [(self.buffer, (0, layer.channels[0]))], latency, limit, relu, leak)

    @property
    def latency(self) -> int:
        """How many rows the output is behind the image."""
        return self.layer.latency

    @property
    def finished(self) -> bool:
        """Whether all output rows are out."""
        return self.layer.finished

    def feed(self, rows: Tensor, last: bool, residual: RowBuffer | None = None) -> Tensor:
        """The next rows (N, C, h, W) in, channels innermost -> the rows (N, C', h', W') complete by then, perhaps none.

        `residual` has rows of the output's shape, which are added to it. After the last rows have come, feed no rows
        until it is finished.
        """
        self.buffer.feed(rows)
        result = self.layer.advance(rows.shape[0], rows.shape[3], last, residual)
        self.buffer.drop(self.layer.needed, copy=True)
        return result
