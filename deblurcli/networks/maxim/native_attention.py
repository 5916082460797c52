"""MAXIM's residual channel attention blocks in the compiled library, a band of rows at a time.

All tensors are channels last, (N, H, W, C), and contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from deblurcli.native import library
from deblurcli.native.buffers import pooled_empty
from deblurcli.native.layers import Layer, prepare_layer
from deblurcli.native.mixing import normalise
from deblurcli.native.streams import SingleStream
from deblurcli.networks.maxim.blocks import LEAK, RCAB, ChannelsLastConv

BAND = 1 << 18  # numbers of features at once: three bands of float32 stay in a cache of some megabytes


@dataclass(frozen=True)
class Convolutions:
    """A block's norm and convolutions in a library.

    Attributes:
        name: of the library.
        scale, shift: of the norm, float32.
        conv1, conv2: the layers.
    """

    name: str
    scale: Tensor
    shift: Tensor
    conv1: Layer
    conv2: Layer

    def run(self, x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """Features -> conv2(leaky(conv1(norm(x)))), bands of (N, h, W, C) float32 with top and bottom."""
        n, height, width, channels = x.shape
        unit = self.conv1.unit
        rows = max(BAND // (n * width * channels) // unit, 1) * unit
        first = SingleStream(self.conv1, 0, rows, relu=False, leak=LEAK)
        second = SingleStream(self.conv2, first.latency, rows, relu=False)
        top = done = 0
        while not second.finished:
            bottom = min(top + rows, height)
            band = pooled_empty(n, channels, bottom - top, width)
            for image in range(n):
                normalise(self.name, x[image, top:bottom], self.scale, self.shift, band[image].permute(1, 2, 0))
            top = bottom
            middle = first.feed(band, top == height)
            result = second.feed(middle, first.finished)
            if result.shape[2]:
                yield done, done + result.shape[2], result.permute(0, 2, 3, 1)
                done += result.shape[2]


def prepare_convolutions(name: str, block: RCAB) -> Convolutions:
    """A block's norm and convolutions for the library of a name."""
    scale, shift = (value.float().clone() for value in (block.norm.weight, block.norm.bias))
    # Winograd's products in bfloat16 would save a tenth of the time and cost 4 dB.
    precise = next((plain for plain, half in library.BF16.items() if half == name), name)
    return Convolutions(name, scale, shift, layer(precise, block.conv1), layer(precise, block.conv2))


def layer(name: str, conv: ChannelsLastConv) -> Layer:
    assert conv.bias is not None
    found = prepare_layer(name, conv.weight, conv.bias, stride=1, before=1, transposed=False)
    assert found is not None  # of as many channels as the other layers have, which the library takes
    return found
