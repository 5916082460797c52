"""The blocks of MAXIM a piece of the image at a time, in place: the same as in `blocks`, but for rounding.

A block of the network holds a dozen intermediates of the whole image. Here each lives for one piece only: for
the grid a few rows and columns of every cell, the same ones in all cells; for blocks a few blocks; for all else a band
of rows. A piece stays in the processor's cache from one operation to the next, and what is kept whole are the features
that go on, and one more tensor of their size to write to.

All tensors are channels last, (N, H, W, C), and contiguous. Needs nothing but torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.maxim.blocks import (
    LEAK,
    RCAB,
    RDCAB,
    Axis,
    BottleneckBlock,
    ChannelsLastConv,
    CrossGating,
    EncoderBlock,
    GatedMLP,
    LayerNorm,
    MultiAxisGMLP,
    SpatialGatingWeights,
    SpatialLinear,
    gelu,
)
from deblurcli.networks.maxim.resize import enlarged, reduced

PIECE = 1 << 19  # numbers of a piece on a CPU: four of them stay in a cache of some megabytes
CONVOLVED = 1 << 21  # of a band that is convolved, which computes two rows more than it keeps
ON_DEVICES = 1 << 26  # on a GPU, which wants much to do at once

# Operations for PyTorch's own compiler, with no public way to them. Where one is gone, linear and GELU are two steps,
# which take twice the time together.
_FUSED = bool(torch.backends.mkldnn.is_available()) and all(  # type: ignore[no-untyped-call]
    hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_is_mkldnn_bf16_supported")
)


def numbers_at_once(x: Tensor, convolved: bool = False) -> int:
    """How many numbers of features are worked on at once, on the device of `x`."""
    if x.device.type != "cpu":
        return ON_DEVICES
    return CONVOLVED if convolved else PIECE


def bands(x: Tensor, align: int = 1, convolved: bool = False) -> Iterator[tuple[int, int]]:
    """(top, bottom) of bands of rows of about the same height that cover (N, H, W, C), at multiples of `align`.

    No band has less than two rows but where there are no more.
    """
    units = max(x.shape[1] // max(align, 2), 1)
    count = min(-(-x.numel() // numbers_at_once(x, convolved)), units)
    edges = [units * index // count * max(align, 2) for index in range(count)] + [x.shape[1]]
    yield from itertools.pairwise(edges)


def pieces(x: Tensor, size: int) -> Iterator[tuple[slice, slice]]:
    """Which rows and columns of cells, or of blocks, are worked on at once in a view of `cut`."""
    n, height, width, channels = x.shape
    height, width = height // size, width // size
    column = size * size * n * channels  # numbers that belong together
    columns = min(max(numbers_at_once(x) // column, 1), width)
    columns = -(-width // -(-width // columns))  # evenly
    rows = max(numbers_at_once(x) // (column * width), 1)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield slice(top, min(top + rows, height)), slice(left, min(left + columns, width))


def cut(x: Tensor, axis: Axis, size: int) -> Tensor:
    """(N, H, W, C) -> a view of it, (size, size, N, h, w, C).

    The first two dimensions are what a spatial linear mixes: the cells of a grid, or the pixels of a block.
    """
    n, height, width, channels = x.shape
    rows, columns = height // size, width // size
    if axis == "grid":
        return x.view(n, size, rows, size, columns, channels).permute(1, 3, 0, 2, 4, 5)
    return x.view(n, rows, size, columns, size, channels).permute(2, 4, 0, 1, 3, 5)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """F.linear as one matrix product, which it makes many small ones of where it has no bias."""
    return F.linear(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], -1)


def product_of(weight: Tensor) -> Callable[[Tensor, Tensor, bool], None]:
    """Of (x, to, adds): writes the product of features (..., c) with a weight (C, c) to (..., C), or adds it."""

    def product(x: Tensor, to: Tensor, adds: bool) -> None:
        if adds:
            to += linear(x, weight)
        else:
            to.copy_(linear(x, weight))

    return product


def empty(shape: Sequence[int], like: Tensor) -> Tensor:
    """Not initialised, without gaps, on the device and in the format of a tensor."""
    return like.new_empty(tuple(shape))


def shrunk(x: Tensor, factor: int, top: int, bottom: int) -> Tensor:
    """Rows `top` to `bottom` of `reduced(x, factor)`."""
    first, last = max(top - 1, 0), min(bottom + 1, x.shape[1] // factor)
    return reduced(x[:, first * factor : last * factor], factor)[:, top - first : bottom - first]


def add_grown(x: Tensor, factor: int, top: int, bottom: int, rows: Tensor) -> None:
    """Adds rows `top` to `bottom`, multiples of `factor`, of `enlarged(x, factor)` to `rows`."""
    first, last = max(top // factor - 1, 0), min(bottom // factor + 1, x.shape[1])
    rows += enlarged(x[:, first:last], factor)[:, top - first * factor : bottom - first * factor]


def gelu_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """gelu(linear(x)); in one go where oneDNN has it, which takes half of the time."""
    fused = _FUSED and x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)
    if fused and (x.dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "tanh")
        return result
    return gelu(F.linear(x, weight, bias))


def fused_gelu_halves(linear: nn.Linear, x: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of gelu(linear(x)) on channels, each contiguous."""
    weights, biases = linear.weight.chunk(2), linear.bias.chunk(2)
    first, second = (gelu_linear(x, w, b) for w, b in zip(weights, biases, strict=True))
    return first, second


def mixed(spatial: SpatialLinear, x: Tensor, offset: float = 0.0) -> Tensor:
    """A spatial linear, plus `offset`: contiguous (size, size, ...) -> the same."""
    bias = (spatial.bias + offset).unsqueeze(1)
    return torch.addmm(bias, spatial.weight, x.view(spatial.size**2, -1)).view(x.shape)


def gated(mlp: GatedMLP, x: Tensor) -> Tensor:
    """A gated MLP of a contiguous piece, (size, size, N, h, w, C), in place."""
    passed, gate = fused_gelu_halves(mlp.enter, mlp.norm(x))
    gate = mixed(mlp.spatial, mlp.gate_norm(gate), offset=1.0)
    return x.add_(mlp.leave(passed.mul_(gate)))


def mix_axes(mixer: MultiAxisGMLP, x: Tensor, spare: Tensor) -> None:
    """A multi-axis gated MLP, in place; `spare`, of the same shape, is overwritten."""
    size = mixer.block.spatial.size
    of_grid, of_block = mixer.leave.weight.chunk(2, 1)
    # Blocks first: once theirs is added to a piece nothing else needs what was there but the grid's half, which waits.
    features, waiting = cut(x, "block", size), cut(spare, "block", size)
    for rows, columns in pieces(x, size):
        piece = features[:, :, :, rows, columns]
        u, v = fused_gelu_halves(mixer.enter, mixer.norm(piece.contiguous()))
        waiting[:, :, :, rows, columns] = u
        piece += linear(gated(mixer.block, v), of_block, mixer.leave.bias)
    features, waiting = cut(x, "grid", size), cut(spare, "grid", size)
    for rows, columns in pieces(x, size):
        u = waiting[:, :, :, rows, columns].contiguous()
        features[:, :, :, rows, columns] += linear(gated(mixer.grid, u), of_grid)


def convolved(conv: ChannelsLastConv, x: Tensor, at_top: bool, at_bottom: bool) -> Tensor:
    """A 3x3 convolution of a band: of all its rows but the first and the last, unless the image ends there."""
    if at_top or at_bottom:
        x = F.pad(x, (0, 0, 0, 0, int(at_top), int(at_bottom)))
    return F.conv2d(x.permute(0, 3, 1, 2), conv.weight, conv.bias, padding=(0, 1)).permute(0, 2, 3, 1)


def attend(block: RCAB | RDCAB, x: Tensor, spare: Tensor) -> None:
    """A residual channel attention block, in place; `spare`, of the same shape, is overwritten."""
    height, width = x.shape[1:3]
    total = x.new_zeros(x.shape[0], 1, 1, x.shape[3], dtype=torch.promote_types(x.dtype, torch.float32))
    for top, bottom in bands(x, convolved=True):
        if isinstance(block, RCAB):
            outer = max(top - 2, 0), min(bottom + 2, height)
            ends = top == 0, bottom == height
            y = F.leaky_relu_(convolved(block.conv1, block.norm(x[:, slice(*outer)].contiguous()), *ends), LEAK)
            # What is beyond the band here is one row; at the very end of the image there is none.
            result = convolved(block.conv2, y, *ends)
        else:
            y = block.norm(x[:, top:bottom].contiguous())
            result = block.linear2(gelu_linear(y, block.linear1.weight, block.linear1.bias))
        total += result.sum((1, 2), keepdim=True, dtype=total.dtype)
        spare[:, top:bottom] = result
    x.addcmul_(spare, block.attention.scale((total / (height * width)).to(x.dtype)))


def run_groups(block: EncoderBlock | BottleneckBlock, x: Tensor) -> Tensor:
    """The groups of a block on what it has projected, which is overwritten, and the shortcut around them."""
    shortcut, spare = x.clone(), torch.empty_like(x)
    for mixer, attention in zip(block.mixers, block.attentions, strict=True):
        assert isinstance(mixer, MultiAxisGMLP) and isinstance(attention, (RCAB, RDCAB))
        mix_axes(mixer, x, spare)
        attend(attention, x, spare)
    return x.add_(shortcut)


def gating_weights(
    weights: SpatialGatingWeights, norm: LayerNorm, enter: nn.Linear, x: Tensor, spare: Tensor
) -> Tensor:
    """The spatial gating weights of gelu(enter(norm(x))), as a new tensor; `spare` is overwritten."""
    size, result = weights.block.size, torch.empty_like(x)
    of_grid, of_block = weights.leave.weight.chunk(2, 1)
    features, waiting, results = (cut(each, "block", size) for each in (x, spare, result))
    for rows, columns in pieces(x, size):
        entered = gelu_linear(norm(features[:, :, :, rows, columns].contiguous()), enter.weight, enter.bias)
        u, v = fused_gelu_halves(weights.enter, weights.norm(entered))
        waiting[:, :, :, rows, columns] = u
        results[:, :, :, rows, columns] = linear(mixed(weights.block, v), of_block, weights.leave.bias)
    waiting, results = (cut(each, "grid", size) for each in (spare, result))
    for rows, columns in pieces(x, size):
        u = waiting[:, :, :, rows, columns].contiguous()
        results[:, :, :, rows, columns] += linear(mixed(weights.grid, u), of_grid)
    return result


def cross_gate(gating: CrossGating, x: Tensor, y: Tensor) -> None:
    """A cross gating of what it has projected, x and y both in place."""
    spare = torch.empty_like(x)
    for_y = gating_weights(gating.weights_x, gating.norm_x, gating.enter_x, x, spare)
    for_x = gating_weights(gating.weights_y, gating.norm_y, gating.enter_y, y, spare)
    del spare
    for top, bottom in bands(x):
        old_x, old_y = (each[:, top:bottom].contiguous() for each in (x, y))
        a = gelu_linear(gating.norm_x(old_x), gating.enter_x.weight, gating.enter_x.bias)
        b = gelu_linear(gating.norm_y(old_y), gating.enter_y.weight, gating.enter_y.bias)
        y[:, top:bottom] += gating.leave_y(b.mul_(for_y[:, top:bottom]))
        x[:, top:bottom] += gating.leave_x(a.mul_(for_x[:, top:bottom])).add_(y[:, top:bottom])
