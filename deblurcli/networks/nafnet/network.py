"""NAFNet, a network without activation functions for image restoration, in PyTorch.

Source: Chen, Chu, Zhang, Sun, "Simple Baselines for Image Restoration", ECCV 2022 (arXiv 2204.04676), section 4. The
modules are named as in the authors' released files, so that these load strictly. This file needs nothing but torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.module import NetworkModule

MOST_LEVELS = 6  # an image must be padded to multiples of 2^6


@dataclass(frozen=True)
class NAFNetConfig:
    """Everything that distinguishes one NAFNet from another.

    Attributes:
        width: feature channels at full resolution; every level down has twice as many.
        encoder_blocks: blocks at full, half, quarter, ... resolution before the middle.
        middle_blocks: blocks at the lowest resolution.
        decoder_blocks: blocks after the middle, from low to full resolution.
        image_channels: 3 for RGB, 1 for a model that restores R, G and B each as a grey image.
        window: side in pixels of the square over which channel attention takes its means; 0 for the whole image.
            Attention was trained on the means of 256 x 256 crops, and those of a whole photo are distributed
            differently; windows of 1.5 times the crop, 384, bring the released models closer to what they know and
            gave the published scores (Chu et al., "Improving Image Restoration by Revisiting Global Information
            Aggregation", ECCV 2022). The authors also name the windows as the cause of coloured mosaics on about
            0.3 % of real photos, so the default is 0. It has no weights: any NAFNet takes either.
    """

    width: int = 32
    encoder_blocks: tuple[int, ...] = (1, 1, 1, 28)
    middle_blocks: int = 1
    decoder_blocks: tuple[int, ...] = (1, 1, 1, 1)
    image_channels: int = 3
    window: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.encoder_blocks) == len(self.decoder_blocks) <= MOST_LEVELS:
            raise ValueError(f"encoder and decoder must have the same number of levels, 1 to {MOST_LEVELS}")
        if self.width < 1 or self.image_channels not in (1, 3):
            raise ValueError("width must be 1 or more, image_channels 1 or 3")
        if self.window and self.window < self.size_multiple:
            raise ValueError(f"window must be 0 or at least {self.size_multiple}")

    @property
    def levels(self) -> int:
        """How many times the resolution is halved."""
        return len(self.encoder_blocks)

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this."""
        return 1 << self.levels


RELEASED = {  # the authors' models for motion blur
    "GoPro-width32": NAFNetConfig(32),
    "GoPro-width64": NAFNetConfig(64),
    "REDS-width64": NAFNetConfig(64),
}


class ChannelNorm(nn.Module):
    """Layer normalisation of every pixel over its channels, with the biased variance."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape, in memory channels last."""
        # Channels last is how the kernel wants them, and stays the memory format of all that follows.
        normal = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return normal.permute(0, 3, 1, 2)


class Pool(nn.Module):
    """Every channel's mean over the whole image, or over the window around each place."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def is_global(self, height: int, width: int) -> bool:
        """Whether features of this size have a single mean per channel."""
        return not self.window or self.window >= max(height, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 1, 1), or (N, C, H, W) where windows are smaller than the image."""
        height, width = x.shape[2:]
        if self.is_global(height, width):
            return x.mean((2, 3), keepdim=True)
        rows, columns = (
            pool_window_starts(0, height, height, self.window),
            pool_window_starts(0, width, width, self.window),
        )
        return window_means(x, (min(self.window, height), min(self.window, width)), rows, columns)


def pool_window_starts(first: int, end: int, length: int, window: int) -> Tensor:
    """Where the windows of the places [first, end) along an axis begin: around their place, but moved to lie within
    [0, length). (end - first,) int64."""
    window = min(window, length)
    return (torch.arange(first, end) - (window - 1) // 2).clamp(0, length - window)


def window_means(x: Tensor, size: tuple[int, int], rows: Tensor, columns: Tensor) -> Tensor:
    """Means of (N, C, H, W) over windows of a size that begin at these rows and columns: (N, C, rows, columns)."""
    means = x.to(torch.promote_types(x.dtype, torch.float32))  # running sums would not fit half precision
    for dim, length, starts in ((2, size[0], rows), (3, size[1], columns)):
        sums = F.pad(means.cumsum(dim), (0, 0, 1, 0) if dim == 2 else (1, 0))
        starts = starts.to(x.device)
        means = (sums.index_select(dim, starts + length) - sums.index_select(dim, starts)) / length
    return means.to(x.dtype)


class NAFBlock(nn.Module):
    """NAFNet's block: spatial mixing with channel attention, then mixing of channels, each added to its input.

    It starts out passing its input on, as beta and gamma are zero.
    """

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, wide, 1)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.sca = nn.Sequential(Pool(window), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.conv4 = nn.Conv2d(channels, wide, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        gated = self.gated(x)
        return self.finish(x, gated, self.sca(gated))

    def gated(self, x: Tensor) -> Tensor:
        """The part before the attention, (N, C, H, W) -> the same shape: every pixel depends on 3 x 3 input pixels."""
        return gate(self.conv2(self.conv1(self.norm1(x))))

    def finish(self, x: Tensor, gated: Tensor, attention: Tensor) -> Tensor:
        """The part after it: every pixel by itself.

        Args:
            x: the block's input, (N, C, H, W).
            gated: what `gated` made of it, of the same shape.
            attention: of its channels, (N, C, 1, 1), or of the size of `x`.

        Returns:
            The block's result, (N, C, H, W).
        """
        x = torch.addcmul(x, self.conv3(gated * attention), self.beta)
        return torch.addcmul(x, self.conv5(gate(self.conv4(self.norm2(x)))), self.gamma)


def gate(x: Tensor) -> Tensor:
    """The product of the channels' two halves: (N, 2C, H, W) -> (N, C, H, W)."""
    first, second = x.chunk(2, 1)
    return first * second


def add_up(up: nn.Sequential, x: Tensor, skip: Tensor) -> Tensor:
    """Features (N, 2C, H / 2, W / 2) through the layers that enlarge them, plus those of that size, (N, C, H, W)."""
    enlarged: Tensor = up(x)
    return enlarged + skip


class NAFNet(NetworkModule):
    """An encoder-decoder of such blocks, which predicts the difference to the blurry image."""

    config: NAFNetConfig

    def __init__(self, config: NAFNetConfig) -> None:
        super().__init__(config)

        def blocks(level: int, count: int) -> nn.Sequential:
            return nn.Sequential(*[NAFBlock(config.width << level, config.window >> level) for _ in range(count)])

        levels, width = range(config.levels), config.width
        self.intro = nn.Conv2d(config.image_channels, width, 3, padding=1)
        self.encoders = nn.ModuleList(blocks(level, config.encoder_blocks[level]) for level in levels)
        self.downs = nn.ModuleList(nn.Conv2d(width << level, width << level + 1, 2, stride=2) for level in levels)
        self.middle_blks = blocks(config.levels, config.middle_blocks)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width << level + 1, width << level + 2, 1, bias=False), nn.PixelShuffle(2))
            for level in reversed(levels)
        )
        self.decoders = nn.ModuleList(
            blocks(level, count) for level, count in zip(reversed(levels), config.decoder_blocks, strict=True)
        )
        self.ending = nn.Conv2d(width, config.image_channels, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            A single prediction, (N, C, H, W), not clipped, in a list as from networks with several scales.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        return self.run(x, lambda block, features: block(features), add_up)

    def run(
        self,
        x: Tensor,
        through: Callable[[NAFBlock, Tensor], Tensor],
        add_up: Callable[[nn.Sequential, Tensor, Tensor], Tensor],
    ) -> list[Tensor]:
        """As `forward`, with one function for the blocks, (block, x) -> x of the same shape, and one as `add_up`."""

        def through_all(blocks: nn.Module, features: Tensor) -> Tensor:
            for block in cast(Iterable[NAFBlock], blocks):
                features = through(block, features)
            return features

        self.check(x)
        features = self.intro(x.to(self.dtype))  # (N, width, H, W)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            features = through_all(encoder, features)
            skips.append(features)
            features = down(features)  # (N, 2c, h / 2, w / 2) of (N, c, h, w)
        features = through_all(self.middle_blks, features)
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            features = through_all(
                decoder, add_up(cast(nn.Sequential, up), features, skips.pop())
            )  # (N, c / 2, 2h, 2w) of (N, c, h, w)
        return [self.ending(features).to(x.dtype) + x]
