"""The network's convolutions on rows that lie in memory: in PyTorch, or in the compiled library.

The convolution for the gates comes in pieces, for each RNN one for the gates upwards and one for all others, because an
image in strips needs them at different times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.native.buffers import pooled_empty
from deblurcli.native.choice import library_for
from deblurcli.native.layers import Layer, prepare_layer
from deblurcli.native.library import choose_backend
from deblurcli.native.mixing import panel
from deblurcli.native.prepared import prepared
from deblurcli.native.resize import add_grown
from deblurcli.native.streams import RowBuffer
from deblurcli.networks.mtcnn.network import RNNS, SLOPE, MultiTaskCNN, leaky, up
from deblurcli.networks.mtcnn.row_layers import ConvRows, NativeConv, TorchConv, innermost

Strips = Sequence[tuple[int, Tensor]]
"""Rows (N, C, h, W) one after the other, with the number of each strip's first; rows that are in none are zeros."""


class Piece(NamedTuple):
    """A convolution of stride 1: weights (K, C, k, k), biases (K,), and the slope of what follows; None for nothing."""

    weight: Tensor
    bias: Tensor
    slope: float | None


def pieces_of(network: MultiTaskCNN) -> dict[str, Piece]:
    """The convolutions after the encoder-decoder, and the one before "conv21", "skip"."""
    own = network.config.variant == "svrnn"

    def piece(name: str, slope: float | None, outputs: slice = slice(None)) -> Piece:
        layer = getattr(network, name)
        return Piece(layer.weight[outputs], layer.bias[outputs], slope)

    found = {"skip": piece("feature1", SLOPE) if own else piece("conv1", network.slope)}
    if not own:
        found["conv15"] = piece("conv15", None)
    for rnn in range(RNNS):
        first, up = (4 * rnn * network.config.features, (4 * rnn + 3) * network.config.features)
        found[f"gates{rnn}"] = piece("conv14", None, slice(first, up))
        found[f"upward{rnn}"] = piece("conv14", None, slice(up, up + network.config.features))
        found[f"conv{16 + rnn}"] = piece(f"conv{16 + rnn}", SLOPE)
    return {**found, "conv20": piece("conv20", SLOPE), "conv21": piece("conv21", None)}


class Layers(Protocol):
    """Who computes the convolutions.

    Attributes:
        unit: rows that are computed together; fewer cost as much.
        pieces: what can be computed.
    """

    unit: int
    pieces: dict[str, Piece]

    def outputs(self, name: str) -> int:
        """Channels of a piece's result; of a library's there may be some that mean nothing after the others."""

    def stream(self, name: str, slope: float | None, skip: int, latency: int, limit: int) -> ConvRows:
        """A layer of the network that is fed rows, by its name; arguments as for `NativeConv`."""

    def grow(self, rows: Tensor) -> Tensor:
        """As `network.up`, channels innermost."""

    def convolve(self, name: str, sources: Sequence[Strips], first: int, end: int, lag: int = 0) -> Tensor:
        """Rows [first, end) of a piece's result, (N, K, end - first, W), channels innermost.

        Args:
            name: of the piece.
            sources: their channels follow each other.
            first, end: of the rows.
            lag: groups of rows begin that much before the multiples of `unit`, so that results do not depend on where
                the rows are cut.
        """


class TorchLayers:
    """In PyTorch, on the network's device and in its precision."""

    unit = 4

    def __init__(self, network: MultiTaskCNN) -> None:
        self.network, self.pieces = network, pieces_of(network)

    def outputs(self, name: str) -> int:
        """As `Layers.outputs`."""
        return len(self.pieces[name].bias)

    def stream(self, name: str, slope: float | None, skip: int, latency: int, limit: int) -> ConvRows:
        """As `Layers.stream`."""
        return TorchConv(self.network.get_submodule(name), slope)  # type: ignore[arg-type]

    def grow(self, rows: Tensor) -> Tensor:
        """As `Layers.grow`."""
        return innermost(up(rows))

    def convolve(self, name: str, sources: Sequence[Strips], first: int, end: int, lag: int = 0) -> Tensor:
        """As `Layers.convolve`."""
        weight, bias, slope = self.pieces[name]
        pad = weight.shape[2] // 2
        parts = [self.slab(strips, first - pad, end + pad) for strips in sources]
        x = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        result = F.conv2d(x, weight, bias, padding=(0, pad))
        return result if slope is None else leaky(result, slope)

    def slab(self, strips: Strips, first: int, end: int) -> Tensor:
        """Rows [first, end), (N, C, end - first, W)."""
        top, bottom = max(first, strips[0][0]), min(end, strips[-1][0] + strips[-1][1].shape[2])
        parts = [strip[:, :, max(top - start, 0) : max(bottom - start, 0)] for start, strip in strips]
        rows = parts[0] if len(parts) == 1 else torch.cat(parts, 2)
        rows = rows.to(self.network.device, self.network.dtype)
        return F.pad(rows, (0, 0, top - first, end - bottom)) if (top, bottom) != (first, end) else rows


class NativeLayers:
    """In a library, float32 between the layers.

    Args:
        network: on the CPU.
        name: of the library.
    """

    def __init__(self, network: MultiTaskCNN, name: str) -> None:
        self.layers = prepared(network, name, lambda: prepare_all(network, name))
        self.pieces = pieces_of(network)
        self.unit = self.layers["conv15"].unit
        self.plain = choose_backend().name  # whose features are float32

    def outputs(self, name: str) -> int:
        """As `Layers.outputs`."""
        return self.layers[name].channels[1]

    def stream(self, name: str, slope: float | None, skip: int, latency: int, limit: int) -> ConvRows:
        """As `Layers.stream`."""
        return NativeConv(self.layers["skip" if name == "conv1" else name], slope, skip, latency, limit)

    def grow(self, rows: Tensor) -> Tensor:
        """As `Layers.grow`; the same to the bit for any rows, which PyTorch's is not."""
        batch, channels, height, width = rows.shape
        result = pooled_empty(batch, channels, 2 * height, 2 * width).zero_()
        for image, to in zip(rows.permute(0, 2, 3, 1).contiguous(), result.permute(0, 2, 3, 1), strict=True):
            add_grown(self.plain, image, 2, 0, to)
        return result

    def convolve(self, name: str, sources: Sequence[Strips], first: int, end: int, lag: int = 0) -> Tensor:
        """As `Layers.convolve`."""
        if name == "conv21":  # each of its sources by itself
            base = self.run("conv21.skip", sources[1:], first, end, 0, None)
            return self.run("conv21.up", sources[:1], first, end, 0, base)
        return self.run(name, sources, first, end, lag, None)

    def run(self, name: str, sources: Sequence[Strips], first: int, end: int, lag: int, added: Tensor | None) -> Tensor:
        """As `Layers.convolve`, with rows of the result's shape that are added to it."""
        layer = self.layers[name]
        slope = self.pieces[name].slope if name in self.pieces else None
        example = sources[0][0][1]
        out = pooled_empty(example.shape[0], layer.channels[1], end - first, example.shape[3])
        buffers = [buffer_of(strips) for strips in sources]
        residual = buffer_of([] if added is None else [(first, added)])
        # The first group may have been begun by rows before these: what is left of it goes by itself.
        middle = min(-(-(first + lag) // layer.unit) * layer.unit - lag, end) if layer.unit > 1 else first
        channels = self.channels(name)
        for start, stop in ((first, middle), (middle, end)):
            for image in range(len(out) if start < stop else 0):
                rows = [
                    buffer.rows(start - layer.before, stop + layer.kernel - 1 - layer.before, image, (0, count))
                    for buffer, count in zip(buffers, channels, strict=True)
                ]
                shortcut = residual.rows(start, stop, image, (0, out.shape[1])) if added is not None else None
                part = out[image][:, start - first : stop - first]
                layer.run(rows, example.shape[3], part, slope == 0, shortcut, slope or 0.0)
        return out

    def channels(self, name: str) -> list[int]:
        """How many channels of each source a layer takes: those of "conv20" are two."""
        inputs = self.layers[name].channels[0]
        return [inputs // 2, inputs // 2] if name == "conv20" else [inputs]


def buffer_of(strips: Strips) -> RowBuffer:
    """The same rows as the library takes them."""
    buffer = RowBuffer()
    buffer.strips = list(strips)
    return buffer


def prepare_all(network: MultiTaskCNN, name: str) -> dict[str, Layer]:
    """All of the network's layers in a library."""
    pieces = {key: (piece.weight, piece.bias) for key, piece in pieces_of(network).items()}
    for number in range(2, 14):
        layer: nn.Conv2d = getattr(network, f"conv{number}")
        assert layer.bias is not None
        pieces[f"conv{number}"] = layer.weight, layer.bias
    weight, bias = pieces.pop("conv21")
    grown = network.config.features // 2
    pieces["conv21.up"], pieces["conv21.skip"] = (weight[:, :grown], bias), (weight[:, grown:], torch.zeros_like(bias))
    weight, bias = pieces["conv20"]
    missing = -len(bias) % panel(name)  # outputs that nothing reads
    pieces["conv20"] = F.pad(weight, (0, 0) * 3 + (0, missing)), F.pad(bias, (0, missing))
    found: dict[str, Any] = {}
    for key, (weight, bias) in pieces.items():
        found[key] = prepare_layer(name, weight, bias, 1, weight.shape[2] // 2, False)
    assert None not in found.values()
    return found


def fits(network: MultiTaskCNN, name: str) -> bool:
    """Whether a library has all the layers of a network."""
    config = network.config
    if name == "torch" or config.variant != "multi-task":
        return False
    return config.width % panel(name) == 0 and config.features % panel(name) == 0


def runs_natively(network: MultiTaskCNN) -> bool:
    """Whether the compiled library computes this network on the CPU in float32.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    return fits(network, choose_backend().name)


def layers_of(network: MultiTaskCNN) -> TorchLayers | NativeLayers:
    """Who computes a network without gradients.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    name = library_for(network.device, network.dtype)
    return NativeLayers(network, name) if fits(network, name) else TorchLayers(network)
