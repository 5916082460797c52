"""1x1 convolutions of what is put together from features of several levels, a band of rows at a time.

MAXIM resizes features, convolves them 1x1, concatenates them and convolves the whole 1x1 again. Two linear layers in a
row are one, with the product of their weights; that of a concatenation is a sum; and enlarging commutes with both. So
none of what is concatenated is ever made.

All tensors are channels last, (N, H, W, C). Needs nothing but torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from deblurcli.networks.maxim.blocks import ChannelsLastUpsample
from deblurcli.networks.maxim.pieces import bands
from deblurcli.networks.maxim.resize import FromAllLevels, ResizeAndProject

Add = Callable[[int, int, Tensor], object]  # (top, bottom, rows): adds those of a term to rows (N, bottom - top, W, C)
Product = Callable[[Tensor, Tensor, bool], None]  # features, what their product goes to, whether it is added


class Blocks(Protocol):
    """What projections need of PyTorch (`pieces`) or of the compiled library (`native_blocks`)."""

    def product_of(self, weight: Tensor) -> Product:
        """Of (x, to, adds): writes the product of features (..., c) with a weight (C, c) to (..., C), or adds it."""

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Not initialised, without gaps, on the device and in the format of a tensor."""

    def shrunk(self, x: Tensor, factor: int, top: int, bottom: int) -> Tensor:
        """Rows `top` to `bottom` of features (N, H, W, C) at 1 / factor of their size, as `resize.reduced`."""

    def add_grown(self, x: Tensor, factor: int, top: int, bottom: int, rows: Tensor) -> None:
        """Adds rows `top` to `bottom`, multiples of `factor`, of features at `factor` times their size to `rows`."""


class Projection:
    """A linear layer whose input is a concatenation of terms, each added with its own columns of the weight.

    Terms keep the features they are made of. None refers to the projection, so that features go with its last use and
    not when the interpreter looks for cycles, which is several images later.

    Args:
        linear: the layer; terms are added in the order of its input channels.
        blocks: who computes it.
    """

    def __init__(self, linear: nn.Linear, blocks: Blocks) -> None:
        self.blocks = blocks
        self.dtype = linear.weight.dtype
        # Products of weights, and sums of biases, are taken in float32 at least.
        precise = torch.promote_types(self.dtype, torch.float32)
        self.weight, self.bias = linear.weight.to(precise), linear.bias.to(precise)
        self.taken, self.align = 0, 1
        self.terms: list[Add] = []

    def columns(self, channels: int) -> Tensor:
        """The next columns of the weight, (C, channels)."""
        self.taken += channels
        return self.weight[:, self.taken - channels : self.taken]

    def add(self, x: Tensor) -> None:
        """Features (N, H, W, c) as they are."""
        product = self.blocks.product_of(self.columns(x.shape[3]).to(self.dtype))
        self.terms.append(lambda top, bottom, rows: product(x[:, top:bottom], rows, True))

    def add_all(self, resize: FromAllLevels, features: list[Tensor], order: Iterable[int]) -> None:
        """Features of all levels at the size of this one, and convolved 1x1."""
        for level in order:
            layer = resize[level]
            assert isinstance(layer, ResizeAndProject)
            self.add_resized(layer, features[level])

    def add_resized(self, resize: ResizeAndProject, x: Tensor) -> None:
        """Features of one level, (N, h, w, c), at the size of this one, and convolved 1x1."""
        columns, blocks = self.columns(resize.out_features), self.blocks
        product = blocks.product_of((columns @ resize.weight.to(columns)).to(self.dtype))
        self.bias = self.bias + columns @ resize.bias.to(columns)
        if resize.down == 0:
            self.terms.append(lambda top, bottom, rows: product(x[:, top:bottom], rows, True))
        elif resize.down > 0:
            factor = 1 << resize.down
            self.terms.append(lambda top, bottom, rows: product(blocks.shrunk(x, factor, top, bottom), rows, True))
        else:
            factor, small = 1 << -resize.down, blocks.empty((*x.shape[:3], len(columns)), x)
            product(x, small, False)
            self.align = max(self.align, factor)
            self.terms.append(lambda top, bottom, rows: blocks.add_grown(small, factor, top, bottom, rows))

    def add_upsampled(self, up: ChannelsLastUpsample, x: Tensor) -> None:
        """Features (N, H / 2, W / 2, c), upsampled by a transposed convolution."""
        columns, blocks = self.columns(up.out_channels), self.blocks
        weight = torch.einsum("po,coyx->yxpc", columns, up.weight.to(columns))  # (2, 2, C, c)
        product = blocks.product_of(weight.flatten(0, 2).to(self.dtype))
        assert up.bias is not None
        self.bias = self.bias + columns @ up.bias.to(columns)
        self.align = max(self.align, 2)

        def add(top: int, bottom: int, rows: Tensor) -> None:
            below = x[:, top // 2 : bottom // 2]
            four = blocks.empty((*below.shape[:3], 4 * len(columns)), x)
            product(below, four, False)
            four = four.view(*below.shape[:3], 2, 2, -1).permute(0, 1, 3, 2, 4, 5)  # (N, h, 2, w, 2, C)
            rows.view(four.shape).add_(four)

        self.terms.append(add)

    def total(self, shape: Sequence[int]) -> Tensor:
        """The result, (N, H, W, C) of a shape (N, H, W), contiguous."""
        assert self.taken == self.weight.shape[1]
        bias = self.bias.to(self.dtype)
        result = self.blocks.empty((*shape, len(bias)), bias)
        for top, bottom in bands(result, align=self.align):
            rows = result[:, top:bottom]
            rows.copy_(bias)
            for add in self.terms:
                add(top, bottom, rows)
        return result
