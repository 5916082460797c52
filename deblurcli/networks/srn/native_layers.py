"""The layers of `row_layers` in the compiled library, for float32 on the CPU.

What differs is how rows are handed on (`deblurcli.native.streams`): ReLU, shortcuts and skip connections are part of
the layer before them.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from deblurcli.native.layers import Layer
from deblurcli.native.streams import LayerStream, RowBuffer, SingleStream
from deblurcli.networks.srn.layers import Conv, ConvPair, Upsample

LayerOf = Callable[[nn.Module], Layer]


class PairStream:
    """Two convolutions, with or without the shortcut around them."""

    def __init__(self, conv1: Layer, conv2: Layer, latency: int, limit: int, residual: bool) -> None:
        self.residual = residual
        self.buffer = RowBuffer()
        self.first = LayerStream(conv1, [(self.buffer, (0, conv1.channels[0]))], latency, limit, relu=True)
        self.second = SingleStream(conv2, self.first.latency, limit, relu=not residual)

    @property
    def latency(self) -> int:
        """How many rows the output is behind the image."""
        return self.second.latency

    @property
    def finished(self) -> bool:
        """Whether all output rows are out."""
        return self.second.finished

    def feed(self, rows: Tensor, last: bool, residual: RowBuffer | None = None) -> Tensor:
        """As `SingleStream.feed`, (N, C, h, W) to (N, C, h', W), without a residual from elsewhere."""
        assert residual is None
        self.buffer.feed(rows)
        middle = self.first.advance(rows.shape[0], rows.shape[3], last)
        result = self.second.feed(middle, self.first.finished, self.buffer if self.residual else None)
        waiting = self.second.layer.done if self.residual else self.buffer.end
        self.buffer.drop(min(self.first.needed, waiting), copy=True)
        return result


class StageStream:
    """Layers one after the other."""

    def __init__(self, layers: nn.Sequential, layer_of: LayerOf, latency: int, limit: int) -> None:
        self.layers: list[SingleStream | PairStream] = []
        for module, following in zip(layers, [*list(layers)[1:], None], strict=True):
            if isinstance(module, ConvPair):
                pair = layer_of(module.conv1), layer_of(module.conv2)
                self.layers.append(PairStream(*pair, latency, limit, module.kind == "residual"))
            elif isinstance(module, (Conv, Upsample)):
                self.layers.append(SingleStream(layer_of(module), latency, limit, isinstance(following, nn.ReLU)))
                limit = limit * layer_of(module).up // layer_of(module).stride
            latency = self.layers[-1].latency

    @property
    def latency(self) -> int:
        """How many rows the output is behind the image."""
        return self.layers[-1].latency

    @property
    def finished(self) -> bool:
        """Whether all output rows are out."""
        return self.layers[-1].finished

    def feed(self, rows: Tensor, last: bool, residual: RowBuffer | None = None) -> Tensor:
        """As `SingleStream.feed`; `residual` is added to the last layer's result."""
        for layer in self.layers[:-1]:
            rows, last = layer.feed(rows, last), layer.finished
        return self.layers[-1].feed(rows, last, residual)
