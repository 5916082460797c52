"""NAFNet's blocks in the compiled library: the same results as the network's own, but for rounding.

Features are (N, C, H, W) as in the network, in memory channels last.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from deblurcli.native.choice import library_for
from deblurcli.native.depthwise import prepare_depthwise
from deblurcli.native.mixing import Dense, Pointwise, beside, panel, prepare_dense
from deblurcli.native.prepared import prepared
from deblurcli.networks.nafnet.network import ChannelNorm, NAFBlock, NAFNet


class Blocks(Protocol):
    """Who computes a block: the network's own code (`NAFBlock`), or the library (`NativeBlocks`)."""

    def gated(self, block: NAFBlock, x: Tensor) -> Tensor:
        """As `NAFBlock.gated`."""

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""


class OwnBlocks:
    """The network's own code."""

    def gated(self, block: NAFBlock, x: Tensor) -> Tensor:
        """As `NAFBlock.gated`."""
        return block.gated(x)

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""
        return block.finish(x, gated, attention)


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
        wide = x.new_empty(*x.shape[:3], 2 * x.shape[3])
        layers.widen.run(x, wide, adds=False)
        return layers.depthwise.run(wide).permute(0, 3, 1, 2)

    def finish(self, block: NAFBlock, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """As `NAFBlock.finish`."""
        layers = prepared(block, self.name, lambda: PreparedBlock(self.name, block))
        if attention.shape[2:] != (1, 1):
            gated, attention = gated * attention, attention.new_ones(1, 1, 1, 1)
        x, gated, result = channels_last(x), channels_last(gated), torch.empty_like(channels_last(x))
        for image, factors in enumerate(attention.flatten(1).expand(len(x), -1)):
            layers.attended(factors).run(gated[image], result[image], adds=False, added=x[image])
        layers.mix.run(result, result, adds=True)
        return result.permute(0, 3, 1, 2)


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
    return network.run(x, lambda block, features: through(blocks, block, features))


def through(blocks: Blocks, block: NAFBlock, x: Tensor) -> Tensor:
    """A whole block, (N, C, H, W) -> the same shape."""
    gated = blocks.gated(block, x)
    return blocks.finish(block, x, gated, block.sca(gated))
