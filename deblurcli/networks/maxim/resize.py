"""Features and images of one level at the resolution of another, all channels last (N, H, W, C).

Source: as for the network beside this file; the authors resize with JAX's `image.resize`. Needs nothing but torch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def scaled(x: Tensor, levels: int) -> list[Tensor]:
    """The image (N, C, H, W) at full, half, ... resolution, channels last: (N, H / 2^level, W / 2^level, C).

    Of every square of 2, 4, ... pixels one is taken, that to the lower right of the centre; nothing is averaged.
    """
    x = x.permute(0, 2, 3, 1)
    return [x[:, (1 << level) // 2 :: 1 << level, (1 << level) // 2 :: 1 << level] for level in range(levels)]


class ResizeAndProject(nn.Linear):
    """To the size and the channels of another level: (N, H, W, C) -> (N, H', W', C').

    Args:
        c_in, c_out: channels of the two levels.
        down: the number of levels downwards; negative for upwards.
    """

    def __init__(self, c_in: int, c_out: int, down: int) -> None:
        super().__init__(c_in, c_out)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        """(N, h, w, c_in) -> (N, h / 2^down, w / 2^down, c_out)."""
        if self.down >= 0:
            return super().forward(reduced(x, 1 << self.down))
        return enlarged(super().forward(x), 1 << -self.down)  # the same as enlarging first, for less work


class FromAllLevels(nn.ModuleList):
    """The features of every level for one of them, level 0 first: a list of (N, h, w, c) of that level.

    Args:
        widths: channels of every level.
        level: of the result.
    """

    def __init__(self, widths: list[int], level: int) -> None:
        super().__init__(ResizeAndProject(c, widths[level], level - other) for other, c in enumerate(widths))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """The features of every level, (N, h, w, c) of its own -> all of this level's size and channels."""
        return [resize(x) for resize, x in zip(self, features, strict=True)]


def reduced(x: Tensor, factor: int) -> Tensor:
    """(N, H, W, C) -> (N, H / factor, W / factor, C): bilinear with antialiasing, a triangle filter.

    Written as sums of every `factor`-th row and column, as PyTorch's own has no form in half precision on a CPU.
    """
    if factor == 1:
        return x
    taps = [(1 + 2 * min(tap, 2 * factor - 1 - tap)) / (2 * factor * factor) for tap in range(2 * factor)]
    for dim in (1, 2):
        count, margin = x.shape[dim] // factor, factor // 2
        padded = F.pad(x, (0, 0) * (3 - dim) + (margin, margin))
        slices = [padded.narrow(dim, tap, (count - 1) * factor + 1) for tap in range(2 * factor)]
        strided = [one[(slice(None),) * dim + (slice(None, None, factor),)] for one in slices]
        x = strided[0] * taps[0]
        for tap, one in zip(taps[1:], strided[1:], strict=True):
            x = torch.add(x, one, alpha=tap)
        outside = sum(taps[:margin])  # the weights beyond the edge go to those within
        inside = x.new_ones(count)
        inside[0] -= outside
        inside[-1] -= outside
        x = x / inside.view((-1,) + (1,) * (3 - dim))
    return x


def enlarged(x: Tensor, factor: int) -> Tensor:
    """(N, H, W, C) -> (N, factor * H, factor * W, C): bilinear, half-pixel centres, the edges continued."""
    large = F.interpolate(x.permute(0, 3, 1, 2), scale_factor=float(factor), mode="bilinear", align_corners=False)
    return large.permute(0, 2, 3, 1)
