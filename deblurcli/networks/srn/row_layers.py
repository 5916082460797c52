"""SRN's layers as streams of rows, in PyTorch."""

from __future__ import annotations

from functools import singledispatch

import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.srn.layers import Conv, ConvPair, Upsample
from deblurcli.tiling.row_stream import Pointwise, RowQueue, RowStream, SlidingWindow


class ConvPairStream:
    """Two convolutions, with or without the shortcut around them."""

    def __init__(self, pair: ConvPair) -> None:
        self.residual = pair.kind == "residual"
        self.conv1, self.conv2 = stream_of(pair.conv1), stream_of(pair.conv2)
        self.shortcut = RowQueue()

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowStream.feed`; the result has the input's channels and width."""
        result = self.conv2.feed(F.relu_(self.conv1.feed(rows, last)), last)
        if not self.residual:
            return F.relu_(result)
        self.shortcut.feed(rows)
        return result.add_(self.shortcut.take(result.shape[2]))


class SequenceStream:
    """Layers one after the other."""

    def __init__(self, layers: nn.Sequential) -> None:
        self.layers = [stream_of(layer) for layer in layers]

    def feed(self, rows: Tensor, last: bool) -> Tensor:
        """As `RowStream.feed`."""
        for layer in self.layers:
            rows = layer.feed(rows, last)
        return rows


@singledispatch
def stream_of(layer: nn.Module) -> RowStream:
    """The layer, ready for the first rows of an image. Raises TypeError for a kind of layer that has no such form."""
    raise TypeError(f"no row-wise form of {type(layer).__name__}")


@stream_of.register
def _(layer: nn.ReLU) -> RowStream:
    return Pointwise(layer)


@stream_of.register
def _(layer: nn.Identity) -> RowStream:
    return Pointwise(layer)


@stream_of.register
def _(layer: ConvPair) -> RowStream:
    return ConvPairStream(layer)


@stream_of.register
def _(layer: nn.Sequential) -> RowStream:
    return SequenceStream(layer)


@stream_of.register
def _(layer: Conv) -> RowStream:
    before, after = layer.before, layer.after

    def valid(rows: Tensor) -> Tensor:
        if before == after:
            return F.conv2d(rows, layer.weight, layer.bias, layer.stride, (0, before))
        return F.conv2d(F.pad(rows, (before, after, 0, 0)), layer.weight, layer.bias, layer.stride)

    return SlidingWindow(layer.kernel_size[0], layer.stride[0], before, after, layer, valid)


@stream_of.register
def _(layer: Upsample) -> RowStream:
    def valid(rows: Tensor) -> Tensor:
        # Output rows 2i and 2i + 1 draw on the input rows i - 1, i, i + 1; padding 3 cuts off the incomplete ones.
        return F.conv_transpose2d(rows, layer.weight, layer.bias, stride=2, padding=(3, 1))

    return SlidingWindow(3, 1, 1, 1, layer, valid)
