"""The blocks of MAXIM, in PyTorch: all on channels-last features (N, H, W, C).

Source: Tu, Talebi, Zhang, Yang, Milanfar, Bovik, Li, "MAXIM: Multi-Axis MLP for Image Processing", CVPR 2022 (arXiv
2201.02973), section 3 and appendix A, and the authors' released graph where the paper leaves room. This file needs
nothing but torch.

Two of them see more than their neighbourhood: the spatial linears on the grid's axis and the means of channel
attention. All else is local to a few pixels, or to a block of them.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Axis = Literal["grid", "block"]
REDUCTION = 4  # of the channels within channel attention
LEAK = 0.2  # the slope of leaky ReLU below zero


class LayerNorm(nn.LayerNorm):
    """Of every pixel over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)


class ChannelsLastConv(nn.Conv2d):
    """A convolution of odd size and stride 1, or of size 4 and stride 2: (N, H, W, C) -> (N, H / stride, ...)."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(c_in, c_out, kernel_size, stride, padding=(kernel_size - 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, c_in) -> (N, H / stride, W / stride, c_out)."""
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # views: PyTorch's own channels-last format


class ChannelsLastUpsample(nn.ConvTranspose2d):
    """Every pixel becomes 2 x 2: (N, H, W, C) -> (N, 2H, 2W, C')."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, kernel_size=2, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, H, W, c_in) -> (N, 2 H, 2 W, c_out); `output_size` is what the base class takes."""
        return super().forward(x.permute(0, 3, 1, 2), output_size).permute(0, 2, 3, 1)


def gelu(x: Tensor) -> Tensor:
    """The Gaussian error linear unit in its tanh form, of any shape."""
    return F.gelu(x, approximate="tanh")


def gelu_halves(linear: nn.Linear, x: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of gelu(linear(x)) on channels, each contiguous, as slices of the whole would not be."""
    weights, biases = linear.weight.chunk(2), linear.bias.chunk(2)
    first, second = (gelu(F.linear(x, w, b)) for w, b in zip(weights, biases, strict=True))
    return first, second


class SpatialLinear(nn.Linear):
    """Mixes pixels, the same way for all channels.

    On the axis "block" the image is cut into blocks of size x size neighbouring pixels, and the pixels of a block are
    mixed, the same way in all blocks. On the axis "grid" it is cut into size x size cells, and each pixel is mixed with
    those at the same place of the other cells. Both count pixels and cells by rows.
    """

    def __init__(self, axis: Axis, size: int) -> None:
        super().__init__(size * size, size * size)
        self.axis, self.size = axis, size

    def cut(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> a view of it: (N, size, h, size, w, C) on the grid, (N, h, size, w, size, C) in blocks."""
        n, height, width, channels = x.shape
        size, rows, columns = self.size, height // self.size, width // self.size
        if self.axis == "grid":
            return x.view(n, size, rows, size, columns, channels)
        return x.view(n, rows, size, columns, size, channels)

    def forward(self, x: Tensor, offset: float = 0.0) -> Tensor:
        """A tensor cut as by `cut` -> the same shape, mixed, plus the bias and `offset`.

        The result is not contiguous: whatever computes with it next puts its pixels in order at no further cost.
        """
        order = (1, 3, 0, 2, 4, 5) if self.axis == "grid" else (2, 4, 0, 1, 3, 5)
        sorted_ = x.permute(order)  # (size, size, N, h, w, C)
        bias = (self.bias + offset if offset else self.bias).unsqueeze(1)
        mixed = torch.addmm(bias, self.weight, sorted_.reshape(self.size**2, -1)).view(sorted_.shape)
        return mixed.permute((2, 0, 3, 1, 4, 5) if self.axis == "grid" else (2, 3, 0, 4, 1, 5))


class GatedMLP(nn.Module):
    """A gated MLP whose gate mixes pixels along one axis (figure 3; gMLP of Liu et al., 2021)."""

    def __init__(self, channels: int, axis: Axis, size: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.enter = nn.Linear(channels, 2 * channels)
        self.gate_norm = LayerNorm(channels)
        self.spatial = SpatialLinear(axis, size)
        self.leave = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape; H and W multiples of `size`."""
        passed, gate = gelu_halves(self.enter, self.norm(x))  # (N, H, W, C) each
        gate = self.spatial(self.spatial.cut(self.gate_norm(gate)), offset=1.0)
        mixed: Tensor = self.leave((self.spatial.cut(passed) * gate).reshape(x.shape))
        return x + mixed


class MultiAxisGMLP(nn.Module):
    """Half of the channels mixed over the grid, half within blocks."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.enter = nn.Linear(channels, 2 * channels)
        self.grid = GatedMLP(channels, "grid", size)
        self.block = GatedMLP(channels, "block", size)
        self.leave = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape; H and W multiples of `size`."""
        u, v = gelu_halves(self.enter, self.norm(x))  # (N, H, W, C) each
        mixed: Tensor = self.leave(torch.cat([self.grid(u), self.block(v)], 3))
        return x + mixed


class ChannelAttention(nn.Module):
    """Scales every channel by what its mean over the image, and that of all others, says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // REDUCTION)
        self.excite = nn.Linear(channels // REDUCTION, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape."""
        return x * self.scale(x.mean((1, 2), keepdim=True))

    def scale(self, means: Tensor) -> Tensor:
        """Means (N, 1, 1, C) -> factors of the same shape, 0 to 1."""
        return torch.sigmoid(self.excite(F.relu(self.squeeze(means))))


class RCAB(nn.Module):
    """A residual channel attention block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.conv1 = ChannelsLastConv(channels, channels, 3)
        self.conv2 = ChannelsLastConv(channels, channels, 3)
        self.attention = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape."""
        attended: Tensor = self.attention(self.conv2(F.leaky_relu(self.conv1(self.norm(x)), LEAK)))
        return x + attended


class RDCAB(nn.Module):
    """A residual dense channel attention block: as RCAB, with linears instead of convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.linear1 = nn.Linear(channels, channels)
        self.linear2 = nn.Linear(channels, channels)
        self.attention = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape."""
        attended: Tensor = self.attention(self.linear2(gelu(self.linear1(self.norm(x)))))
        return x + attended


class SpatialGatingWeights(nn.Module):
    """What multiplies the other input of a cross gating, made of this one: (N, H, W, C) -> the same shape."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.enter = nn.Linear(channels, 2 * channels)
        self.grid = SpatialLinear("grid", size)
        self.block = SpatialLinear("block", size)
        self.leave = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape; H and W multiples of `size`."""
        u, v = gelu_halves(self.enter, self.norm(x))  # (N, H, W, C) each
        mixed = [axis(axis.cut(half)).reshape(x.shape) for axis, half in ((self.grid, u), (self.block, v))]
        weights: Tensor = self.leave(torch.cat(mixed, 3))
        return weights


class CrossGating(nn.Module):
    """Two features gate each other (figure 4).

    With `coarse` channels the second is that many at half the resolution, and is enlarged first.
    """

    def __init__(self, c_x: int, channels: int, size: int, coarse: int = 0) -> None:
        super().__init__()
        self.up = ChannelsLastUpsample(coarse, channels) if coarse else None
        self.project_x, self.project_y = nn.Linear(c_x, channels), nn.Linear(channels, channels)
        self.norm_x, self.norm_y = LayerNorm(channels), LayerNorm(channels)
        self.enter_x, self.enter_y = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.weights_x, self.weights_y = SpatialGatingWeights(channels, size), SpatialGatingWeights(channels, size)
        self.leave_x, self.leave_y = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(N, H, W, c_x) and (N, H, W, C) or (N, H / 2, W / 2, coarse) -> two of (N, H, W, C)."""
        x = self.project_x(x)
        y = self.project_y(y if self.up is None else self.up(y))
        a = gelu(self.enter_x(self.norm_x(x)))
        b = gelu(self.enter_y(self.norm_y(y)))
        y = y + self.leave_y(b * self.weights_x(a))
        return x + y + self.leave_x(a * self.weights_y(b)), y  # the new y is part of the new x


class EncoderBlock(nn.Module):
    """The block of every level, of the decoder too: mixing over both axes and channel attention, `groups` times.

    With `fuse` it takes up the features of the stage before at its level.
    """

    def __init__(self, c_in: int, channels: int, size: int, groups: int, fuse: bool = False) -> None:
        super().__init__()
        self.project = nn.Linear(c_in, channels)
        self.mixers = nn.ModuleList(MultiAxisGMLP(channels, size) for _ in range(groups))
        self.attentions = nn.ModuleList(RCAB(channels) for _ in range(groups))
        self.fuse = CrossGating(channels, channels, size) if fuse else None

    def forward(self, parts: list[Tensor], before: Tensor | None = None) -> Tensor:
        """Features (N, H, W, ...) of c_in channels together; those of the stage before, (N, H, W, C) -> (N, H, W, C)"""
        x: Tensor = self.project(torch.cat(parts, 3))
        shortcut = x
        for mixer, attention in zip(self.mixers, self.attentions, strict=True):
            x = attention(mixer(x))
        x = x + shortcut
        if self.fuse is not None:
            x, _ = self.fuse(x, before)
        return x


class BottleneckBlock(nn.Module):
    """The block between encoder and decoder: (N, H, W, C) -> the same shape."""

    def __init__(self, channels: int, size: int, groups: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, channels)
        self.mixers = nn.ModuleList(MultiAxisGMLP(channels, size) for _ in range(groups))
        self.attentions = nn.ModuleList(RDCAB(channels) for _ in range(groups))

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> the same shape; H and W multiples of `size`."""
        x = self.project(x)
        shortcut: Tensor = x
        for mixer, attention in zip(self.mixers, self.attentions, strict=True):
            x = attention(mixer(x))
        return x + shortcut


class SupervisedAttention(nn.Module):
    """The supervised attention module (SAM) without its picture: features that attend to it, for the next stage."""

    def __init__(self, channels: int, image_channels: int) -> None:
        super().__init__()
        self.features = ChannelsLastConv(channels, channels, 3)
        self.attention = ChannelsLastConv(image_channels, channels, 3)

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        """Features (N, H, W, C), the picture made of them (N, H, W, 3) -> (N, H, W, C)."""
        features: Tensor = self.features(x)
        return x + features * torch.sigmoid(self.attention(picture.to(x.dtype)))
