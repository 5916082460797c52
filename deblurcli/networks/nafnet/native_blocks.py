"""NAFNet's blocks in the compiled library: the same results as the network's own, but for rounding.

Features are (N, C, H, W) as in the network, in memory channels last.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from deblurcli.native.attend import gather
from deblurcli.native.buffers import pooled_features
from deblurcli.native.choice import library_for
from deblurcli.native.depthwise import prepare_depthwise
from deblurcli.native.mixing import Dense, Pointwise, beside, panel, prepare_dense
from deblurcli.native.prepared import prepared
from deblurcli.networks.nafnet.network import ChannelNorm, NAFBlock, NAFNet, Pool, add_up

BAND = 4 << 20  # bytes of features that wait in the cache
FEWEST_ROWS = 8  # in a band, however wide the image


class Blocks(Protocol):
    """Who computes a block: the network's own code (`NAFBlock`), or the library (`NativeBlocks`)."""

    def gated(self, block: NAFBlock, x: Tensor) -> Tensor:
        """As `NAFBlock.gated`."""

    def attention(self, block: NAFBlock, gated: Tensor) -> Tensor:
        """As `NAFBlock.sca`."""

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""

    def add_up(self, up: nn.Sequential, x: Tensor, skip: Tensor) -> Tensor:
        """As `network.add_up`; the skip may be overwritten."""


class OwnBlocks:
    """The network's own code."""

    def gated(self, block: NAFBlock, x: Tensor) -> Tensor:
        """As `NAFBlock.gated`."""
        return block.gated(x)

    def attention(self, block: NAFBlock, gated: Tensor) -> Tensor:
        """As `NAFBlock.sca`."""
        attention: Tensor = block.sca(gated)
        return attention

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""
        return block.finish(x, gated, attention)

    def add_up(self, up: nn.Sequential, x: Tensor, skip: Tensor) -> Tensor:
        """As `network.add_up`."""
        return add_up(up, x, skip)


def blocks_for(network: NAFNet) -> Blocks:
    """Who computes a network's blocks without gradients.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    name = library_for(network.device, network.dtype)
    if name == "torch" or network.config.width % panel(name):
        return OwnBlocks()
    return NativeBlocks(name)


class NativeBlocks:
    """What `OwnBlocks` has, in a library.

    Args:
        name: of the library.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def gated(self, block: NAFBlock, x: Tensor) -> Tensor:
        """As `NAFBlock.gated`."""
        layers = prepared(block, self.name, lambda: PreparedBlock(self.name, block))
        x = channels_last(x)
        result = pooled_features(x.shape, x.dtype)
        for image, to in zip(x, result, strict=True):
            run_gated(layers, image, to)
        return result.permute(0, 3, 1, 2)

    def attention(self, block: NAFBlock, gated: Tensor) -> Tensor:
        """As `NAFBlock.sca`."""
        pool = cast(Pool, block.sca[0])
        if not pool.is_global(*gated.shape[2:]):
            return OwnBlocks().attention(block, gated)
        sums = torch.stack([gather(self.name, image) for image in channels_last(gated)])
        means = (sums / (gated.shape[2] * gated.shape[3])).to(gated.dtype)
        attention: Tensor = block.sca[1](means[:, :, None, None])
        return attention

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""
        layers = prepared(block, self.name, lambda: PreparedBlock(self.name, block))
        if attention.shape[2:] != (1, 1):
            gated, attention = gated * attention, attention.new_ones(1, 1, 1, 1)
        x, gated = channels_last(x), channels_last(gated)
        result = pooled_features(x.shape, x.dtype)
        for image, factors in enumerate(attention.flatten(1).expand(len(x), -1)):
            layers.attended(factors).run(gated[image], result[image], adds=False, added=x[image])
        layers.mix.run(result, result, adds=True)
        return result.permute(0, 3, 1, 2)

    def add_up(self, up: nn.Sequential, x: Tensor, skip: Tensor) -> Tensor:
        """As `network.add_up`; the skip is overwritten."""
        layer = prepared(up, self.name, lambda: prepare_up(self.name, cast(nn.Conv2d, up[0])))
        x, skip = channels_last(x), channels_last(skip)
        for image, to in zip(x, skip, strict=True):
            run_up(layer, image, to)
        return skip.permute(0, 3, 1, 2)


def run_gated(layers: PreparedBlock, x: Tensor, to: Tensor) -> None:
    """The part of a block before the attention, for one image (H, W, C), band by band of rows.

    Twice as many channels are never there for more than a band, which stays in the cache until it is convolved.
    """
    height, width, channels = x.shape
    rows = band_rows(x, 2 * channels)
    wide = pooled_features((rows + 2, width, 2 * channels), x.dtype)
    first = end = 0  # of the rows that are in it
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        start, done = max(top - 1, 0), end
        wide[: done - start] = wide[start - first : done - first]  # the last two rows of the band before
        first, end = start, min(bottom + 1, height)
        layers.widen.run(x[done:end], wide[done - first : end - first], adds=False)
        layers.depthwise.run(wide[: end - first], top - first, to[top:bottom])


def prepare_up(name: str, layer: nn.Conv2d) -> Pointwise:
    """The layer before the pixels of an enlarged image are put in their places, four for each of its own.

    `nn.PixelShuffle` takes the four in a row for each channel; here the channels of a pixel stay together.
    """
    weight = layer.weight.float().flatten(1)
    ordered = weight.view(-1, 4, weight.shape[1]).transpose(0, 1).flatten(0, 1)
    return Pointwise(name, None, prepare_dense(name, ordered, weight.new_zeros(len(weight)), layer.weight.dtype))


def run_up(layer: Pointwise, x: Tensor, to: Tensor) -> None:
    """Add to (H, W, C) what a layer makes of (H / 2, W / 2, 2C), band by band of rows."""
    height, width, channels = x.shape
    rows = band_rows(x, 2 * channels)
    four = pooled_features((rows, width, 2 * channels), x.dtype)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        made = four[: bottom - top]
        layer.run(x[top:bottom], made, adds=False)
        # (h, 2, W / 2, 2C), with two pixels beside each other in the last.
        pairs = made.view(*made.shape[:2], 2, channels).transpose(1, 2)
        to[2 * top : 2 * bottom].view(pairs.shape).add_(pairs)


def band_rows(x: Tensor, channels: int) -> int:
    """How many rows of an image like (H, W, C), but with so many channels, make a band."""
    height, width, _ = x.shape
    return min(max(BAND // (width * channels * x.element_size()), FEWEST_ROWS), height)


def channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H, W, C), contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


class PreparedBlock:
    """A block's layers in a library.

    Attributes:
        widen: the layer on twice as many channels, with the norm before it.
        depthwise: what follows it, up to the attention.
        mix: all that comes after the attention's half.
    """

    def __init__(self, name: str, block: NAFBlock) -> None:
        self.name, self.dtype = name, block.conv1.weight.dtype
        self.widen = Pointwise(name, None, self.dense(*weights(block.conv1, block.norm1)), normed=True)
        assert block.conv2.bias is not None
        self.depthwise = prepare_depthwise(name, block.conv2.weight, block.conv2.bias)
        enter = (beside(name, each) for each in weights(block.conv4, block.norm2))
        leave = (each * block.gamma.float().flatten().unsqueeze(-1) for each in weights(block.conv5))
        self.mix = Pointwise(name, self.dense(*enter), self.dense(*leave), halves=True)
        self.leave = [each * block.beta.float().flatten().unsqueeze(-1) for each in weights(block.conv3)]

    def attended(self, factors: Tensor) -> Pointwise:
        """The layer after the attention, whose factors (C,) or (1,) are in its weights."""
        weight, bias = self.leave
        return Pointwise(self.name, None, self.dense(weight * factors.float(), bias))

    def dense(self, weight: Tensor, bias: Tensor) -> Dense:
        """A layer of weights (C', C) and biases (C', 1)."""
        return prepare_dense(self.name, weight, bias.flatten(), self.dtype)


def weights(layer: nn.Conv2d, norm: ChannelNorm | None = None) -> tuple[Tensor, Tensor]:
    """(C', C) and (C', 1) in float32, with the factors of the norm before the layer."""
    assert layer.bias is not None
    weight, bias = layer.weight.float().flatten(1), layer.bias.float().unsqueeze(1)
    if norm is None:
        return weight, bias
    return weight * norm.weight.float(), bias + weight @ norm.bias.float().unsqueeze(1)


def restored(network: NAFNet, blocks: Blocks, x: Tensor) -> list[Tensor]:
    """What `network(x)` returns, but for rounding."""
    return network.run(x, lambda block, features: through(blocks, block, features), blocks.add_up)


def through(blocks: Blocks, block: NAFBlock, x: Tensor) -> Tensor:
    """A whole block, (N, C, H, W) -> the same shape."""
    gated = blocks.gated(block, x)
    return blocks.finish(block, x, gated, blocks.attention(block, gated))
