"""MAXIM's blocks in the compiled library: the same results as `pieces`, but for rounding.

All tensors are channels last, (N, H, W, C), and contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from deblurcli.native import library
from deblurcli.native.attend import attend, gather
from deblurcli.native.buffers import pooled_features
from deblurcli.native.choice import library_for
from deblurcli.native.mixing import Dense, Mixing, Pointwise, panel, prepare_dense, prepare_spatial
from deblurcli.native.prepared import prepared
from deblurcli.native.resize import add_grown, shrink
from deblurcli.networks.maxim import pieces
from deblurcli.networks.maxim.blocks import (
    RCAB,
    RDCAB,
    BottleneckBlock,
    CrossGating,
    EncoderBlock,
    GatedMLP,
    LayerNorm,
    MultiAxisGMLP,
    SpatialGatingWeights,
)
from deblurcli.networks.maxim.native_attention import prepare_convolutions
from deblurcli.networks.maxim.network import MAXIM


def native_blocks(network: MAXIM) -> NativeBlocks | None:
    """The blocks in the library for the network's precision; None where PyTorch has to do it.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    name = library_for(network.device, network.dtype)
    return NativeBlocks(name) if fits(network, name) else None


def runs_natively(network: MAXIM) -> bool:
    """Whether the compiled library computes the blocks of this MAXIM on the CPU in float32.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    return fits(network, library.choose_backend().name)


def fits(network: MAXIM, name: str) -> bool:
    """Whether a library, not "torch", takes as many channels as all levels have, and as many pixels as are mixed."""
    if name == "torch":
        return False
    config, even = network.config, name in library.BF16.values()
    return config.features % panel(name) == 0 and not (even and any(size % 2 for size in config.sizes))


class NativeBlocks:
    """What `pieces` has, in a library.

    Args:
        name: of the library.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def product_of(self, weight: Tensor) -> Callable[[Tensor, Tensor, bool], None]:
        """Of (x, to, adds): writes the product of features (..., c) with a weight (C, c) to (..., C), or adds it."""
        nothing = weight.new_zeros(len(weight))
        layer = Pointwise(self.name, None, prepare_dense(self.name, weight, nothing, weight.dtype))
        in_torch = pieces.product_of(weight)

        def product(x: Tensor, to: Tensor, adds: bool) -> None:
            if x.is_contiguous() and to.is_contiguous():
                layer.run(x, to, adds)
            else:  # bands of several images
                in_torch(x, to, adds)

        return product

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Not initialised, without gaps, in the format of a tensor."""
        return pooled_features(shape, like.dtype)

    def shrunk(self, x: Tensor, factor: int, top: int, bottom: int) -> Tensor:
        """Rows `top` to `bottom` of features at 1 / factor of their size."""
        result = self.empty((len(x), bottom - top, x.shape[2] // factor, x.shape[3]), x)
        for image, rows in zip(x, result, strict=True):
            shrink(self.name, image, factor, top, rows)
        return result

    def add_grown(self, x: Tensor, factor: int, top: int, bottom: int, rows: Tensor) -> None:
        """Adds rows `top` to `bottom` of features at `factor` times their size to `rows`."""
        for image, to in zip(x, rows, strict=True):
            add_grown(self.name, image, factor, top, to)

    def run_groups(self, block: EncoderBlock | BottleneckBlock, x: Tensor) -> Tensor:
        """The groups of a block on what it has projected, and the shortcut around them."""
        result, spare = self.empty(x.shape, x), self.empty(x.shape, x)
        source, last = x, len(block.mixers) - 1
        for group, (mixer, attention) in enumerate(zip(block.mixers, block.attentions, strict=True)):
            assert isinstance(mixer, MultiAxisGMLP) and isinstance(attention, (RCAB, RDCAB))
            self.mix_axes(mixer, source, spare, result)
            self.attend(attention, result, spare, x if group == last else None)
            source = result
        return result

    def mix_axes(self, mixer: MultiAxisGMLP, x: Tensor, spare: Tensor, to: Tensor) -> None:
        """A multi-axis gated MLP to `to`, which may be `x`; `spare` is overwritten. All are of one shape."""
        blocks, grid = prepared(mixer, self.name, lambda: prepare_mixer(self.name, mixer))
        # Blocks first: once theirs is added to a piece nothing else needs what was there but the grid's half.
        blocks.run(x, spare, to, added=x)
        grid.run(spare, spare, to, added=to)

    def attend(self, block: RCAB | RDCAB, x: Tensor, spare: Tensor, shortcut: Tensor | None = None) -> None:
        """A residual channel attention block in place, plus a shortcut; `spare`, of the same shape, is overwritten."""
        totals = x.new_zeros(x.shape[0], 1, 1, x.shape[3], dtype=torch.float32)
        if isinstance(block, RCAB):
            convolutions = prepared(block, self.name, lambda: prepare_convolutions(self.name, block))
            for top, bottom, rows in convolutions.run(x):
                for image, total in enumerate(totals):
                    total += gather(self.name, rows[image], spare[image, top:bottom])
        else:
            inner = prepared(block, self.name, lambda: prepare_linears(self.name, block))
            inner.run(x, spare, adds=False)
            for image, total in enumerate(totals):
                total += gather(self.name, spare[image])
        factors = block.attention.scale((totals / (x.shape[1] * x.shape[2])).to(x.dtype))
        attend(self.name, x, spare, factors, shortcut, x)

    def cross_gate(self, gating: CrossGating, x: Tensor, y: Tensor) -> None:
        """A cross gating of what it has projected, x and y both in place."""
        layers = prepared(gating, self.name, lambda: PreparedGating(self.name, gating))
        for_x, for_y, spare = (self.empty(x.shape, x) for _ in range(3))
        for features, (blocks, grid), result in ((x, layers.of_x, for_y), (y, layers.of_y, for_x)):
            blocks.run(features, spare, result)
            grid.run(spare, spare, result, added=result)
        del spare
        layers.to_y.run(y, y, adds=True, factor=for_y)
        layers.to_x.run(x, x, adds=True, factor=for_x, added=y)  # the new y is part of the new x


def dense(name: str, layer: nn.Linear, norm: LayerNorm | None = None) -> Dense:
    """A layer, with the factors of the norm before it in its weights."""
    # Products of weights, and sums of biases, are taken in float32.
    weight, bias = layer.weight.float(), layer.bias.float()
    if norm is not None:
        weight, bias = weight * norm.weight.float(), bias + weight @ norm.bias.float()
    return prepare_dense(name, weight, bias, layer.weight.dtype)


def prepare_mixer(name: str, mixer: MultiAxisGMLP) -> tuple[Mixing, Mixing]:
    """A multi-axis gated MLP: its pass over blocks, and then over the grid."""
    of_grid, of_block = mixer.leave.weight.float().chunk(2, 1)
    bias = mixer.leave.bias.float()
    return (
        gated_axis(name, mixer.block, of_block, bias, dense(name, mixer.enter, mixer.norm)),
        gated_axis(name, mixer.grid, of_grid, torch.zeros_like(bias), None),
    )


def gated_axis(name: str, mlp: GatedMLP, leave: Tensor, bias: Tensor, halves: Dense | None) -> Mixing:
    """A gated MLP and the layer after it: two layers in a row are one, on the MLP's input and its gated half."""
    dtype = mlp.leave.weight.dtype
    weight, bias = torch.cat([leave, leave @ mlp.leave.weight.float()], 1), bias + leave @ mlp.leave.bias.float()
    return Mixing(
        name,
        mlp.spatial.axis,
        before=None,
        halves=halves,
        gate=dense(name, mlp.enter, mlp.norm),
        gate_norm=(mlp.gate_norm.weight.float().clone(), mlp.gate_norm.bias.float().clone()),
        spatial=prepare_spatial(mlp.spatial.weight, mlp.spatial.bias.float() + 1, mlp.spatial.size, dtype),
        leave=prepare_dense(name, weight, bias, dtype),
    )


def prepare_linears(name: str, block: RDCAB) -> Pointwise:
    """A block's norm and linear layers."""
    return Pointwise(name, dense(name, block.linear1, block.norm), dense(name, block.linear2))


class PreparedGating:
    """A cross gating's layers in a library.

    Attributes:
        of_x, of_y: the spatial gating weights that are made of each, as passes over blocks and over the grid.
        to_x, to_y: the layers that they gate.
    """

    def __init__(self, name: str, gating: CrossGating) -> None:
        enter_x, enter_y = dense(name, gating.enter_x, gating.norm_x), dense(name, gating.enter_y, gating.norm_y)
        self.of_x = prepare_gating_weights(name, gating.weights_x, enter_x)
        self.of_y = prepare_gating_weights(name, gating.weights_y, enter_y)
        self.to_x = Pointwise(name, enter_x, dense(name, gating.leave_x))
        self.to_y = Pointwise(name, enter_y, dense(name, gating.leave_y))


def prepare_gating_weights(name: str, weights: SpatialGatingWeights, before: Dense) -> tuple[Mixing, Mixing]:
    """Spatial gating weights of features that go through `before`: their pass over blocks, and then over the grid."""
    dtype = weights.leave.weight.dtype
    of_grid, of_block = weights.leave.weight.chunk(2, 1)
    grid, block = (prepare_spatial(each.weight, each.bias, each.size, dtype) for each in (weights.grid, weights.block))
    halves = dense(name, weights.enter, weights.norm)
    leave_block = prepare_dense(name, of_block, weights.leave.bias, dtype)
    leave_grid = prepare_dense(name, of_grid, torch.zeros_like(weights.leave.bias), dtype)
    return (
        Mixing(name, "block", before, halves, None, None, block, leave_block),
        Mixing(name, "grid", None, None, None, None, grid, leave_grid),
    )
