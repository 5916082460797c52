"""MAXIM, an encoder-decoder of multi-axis gated MLPs for image processing, in PyTorch.

Source: Tu, Talebi, Zhang, Yang, Milanfar, Bovik, Li, "MAXIM: Multi-Axis MLP for Image Processing", CVPR 2022 (arXiv
2201.02973), section 3 and appendix A, and the authors' released graph where the paper leaves room. This file and
those beside it need nothing but torch.

The whole network is a chain of stages, each with its own weights and a picture of its own at its end. So its first
stages are a network too, and their weights are those of the whole's that carry the same names: `MAXIM(config)` with
fewer `stages` has a part of the keys of the whole's state dict, and no others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from deblurcli.networks.maxim.blocks import (
    REDUCTION,
    BottleneckBlock,
    ChannelsLastConv,
    ChannelsLastUpsample,
    CrossGating,
    EncoderBlock,
    SupervisedAttention,
)
from deblurcli.networks.maxim.resize import FromAllLevels, scaled
from deblurcli.networks.module import NetworkModule


@dataclass(frozen=True)
class MAXIMConfig:
    """Everything that distinguishes one MAXIM from another.

    Attributes:
        features: channels at full resolution; every level down has twice as many, the bottleneck those of the lowest.
        sizes: side of the blocks and of the grid at full, half, ... resolution, and at last in the bottleneck.
        groups: how often a block mixes and attends.
        bottleneck_blocks: blocks at the lowest resolution.
        stages: how many encoder-decoders, each with a picture at its end.
        image_channels: 3 for RGB, 1 for a model that restores R, G and B each as a grey image.
    """

    features: int = 32
    sizes: tuple[int, ...] = (16, 16, 8, 8)
    groups: int = 2
    bottleneck_blocks: int = 2
    stages: int = 3
    image_channels: int = 3

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError("sizes must be two or more numbers, 1 or more")
        if self.features < REDUCTION or self.image_channels not in (1, 3):
            raise ValueError(f"features must be {REDUCTION} or more, image_channels 1 or 3")
        if min(self.groups, self.bottleneck_blocks, self.stages) < 1:
            raise ValueError("groups, bottleneck_blocks and stages must be 1 or more")

    @property
    def levels(self) -> int:
        """How many times the resolution is halved."""
        return len(self.sizes) - 1

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this: whole blocks and cells at every level."""
        return math.lcm(*(size << level for level, size in enumerate(self.sizes)))

    def width(self, level: int) -> int:
        """Channels at a level, 0 for full resolution."""
        return self.features << level


RELEASED = MAXIMConfig()  # the variant S-3, of which the authors released the weights for deblurring


def targets(config: MAXIMConfig, sharp: Tensor) -> list[Tensor]:
    """What the pictures are trained against: every stage's is to be the sharp image (N, C, H, W)."""
    return [sharp] * config.stages


class StageResult(NamedTuple):
    """What a stage makes; lists by level, full resolution first, and empty from the last stage.

    Attributes:
        picture: (N, H, W, C), values as the input's, not clipped.
        features: encoder and decoder features added up, (N, H / 2^level, W / 2^level, width of the level).
        attended: the decoder's, attending to the picture at their level, of the same shapes.
    """

    picture: Tensor
    features: list[Tensor]
    attended: list[Tensor]


class Stage(nn.Module):
    """An encoder-decoder that ends in a picture.

    Args:
        config: of the network.
        index: 0 for the first stage. Every later one takes up the features of the stage before.
    """

    def __init__(self, config: MAXIMConfig, index: int) -> None:
        super().__init__()
        levels, width, size = range(config.levels), config.width, config.sizes
        widths = [width(level) for level in levels]
        lowest, later, ends = config.levels - 1, index > 0, index == config.stages - 1

        def above(level: int) -> int:
            """Channels that come from the level above, or from the input."""
            return width(max(0, level - 1))

        def below(level: int) -> int:
            """Channels that come from the level below, or from the bottleneck."""
            return width(min(lowest, level + 1))

        def encoder(level: int) -> EncoderBlock:
            c_in = above(level) + width(level)
            return EncoderBlock(c_in, width(level), size[level], config.groups, fuse=later)

        def decoder(level: int) -> EncoderBlock:
            c_in = (1 + config.levels) * width(level)
            return EncoderBlock(c_in, width(level), size[level], config.groups)

        def gate(level: int) -> CrossGating:
            return CrossGating(config.levels * width(level), width(level), size[level], coarse=below(level))

        self.inputs = nn.ModuleList(ChannelsLastConv(config.image_channels, width(level), 3) for level in levels)
        self.fuse = nn.ModuleList(CrossGating(width(level), width(level), size[level]) for level in levels if later)
        self.encoders = nn.ModuleList(encoder(level) for level in levels)
        self.downs = nn.ModuleList(ChannelsLastConv(width(level), width(level), 4, stride=2) for level in levels)
        self.bottleneck = nn.ModuleList(
            BottleneckBlock(width(lowest), size[-1], config.groups) for _ in range(config.bottleneck_blocks)
        )
        self.to_gates = nn.ModuleList(FromAllLevels(widths, level) for level in levels)
        self.gates = nn.ModuleList(gate(level) for level in levels)
        self.to_decoders = nn.ModuleList(FromAllLevels(widths, level) for level in levels)
        self.ups = nn.ModuleList(ChannelsLastUpsample(below(level), width(level)) for level in levels)
        self.decoders = nn.ModuleList(decoder(level) for level in levels)
        # The coarser pictures are what the attention is made of, so the last stage has none.
        self.pictures = nn.ModuleList(
            ChannelsLastConv(width(level), config.image_channels, 3) for level in levels if level == 0 or not ends
        )
        self.sams = nn.ModuleList(
            SupervisedAttention(width(level), config.image_channels) for level in levels if not ends
        )

    def forward(self, images: list[Tensor], before: StageResult | None) -> StageResult:
        """The image at every level, (N, H / 2^level, W / 2^level, C), and the result of the stage before."""
        encoded, lowest = self.encode(images, before)
        for block in self.bottleneck:
            lowest = block(lowest)  # (N, h, w, c), h and w those of half the lowest level
        return self.decode(images, encoded, self.gate(encoded, lowest), lowest)

    def encode(self, images: list[Tensor], before: StageResult | None) -> tuple[list[Tensor], Tensor]:
        """The features of every level, and those of the lowest at half its size."""
        dtype = next(self.parameters()).dtype
        encoded: list[Tensor] = []
        for level, image in enumerate(images):
            skip: Tensor = self.inputs[level](image.to(dtype))  # (N, h, w, c)
            if before is not None:
                skip, _ = self.fuse[level](skip, before.attended[level])
            x = skip if level == 0 else self.downs[level - 1](encoded[-1])  # at the top the image's features twice
            encoded.append(self.encoders[level]([x, skip], None if before is None else before.features[level]))
        return encoded, self.downs[-1](encoded[-1])

    def gate(self, encoded: list[Tensor], lowest: Tensor) -> list[Tensor]:
        """The skips of every level: the features of all levels, gated with what comes from below."""
        skips: list[Tensor] = []
        below = lowest
        for level in reversed(range(len(encoded))):
            signal = torch.cat(self.to_gates[level](encoded), 3)  # (N, h, w, levels * c)
            skip, below = self.gates[level](signal, below)  # (N, h, w, c) each
            skips.insert(0, skip)
        return skips

    def decode(self, images: list[Tensor], encoded: list[Tensor], skips: list[Tensor], lowest: Tensor) -> StageResult:
        """From the lowest level to the picture."""
        decoded: list[Tensor] = []
        x = lowest
        for level in reversed(range(len(skips))):
            x = self.decoders[level]([self.ups[level](x), *reversed(self.to_decoders[level](skips))])  # (N, h, w, c)
            decoded.insert(0, x)
        pictures = [
            conv(x).to(image.dtype) + image  # under autocast too the sum stays in full precision
            for conv, x, image in zip(self.pictures, decoded, images, strict=False)
        ]
        if not self.sams:
            return StageResult(pictures[0], [], [])
        features = [one + other for one, other in zip(encoded, decoded, strict=True)]
        attended = [sam(x, picture) for sam, x, picture in zip(self.sams, decoded, pictures, strict=True)]
        return StageResult(pictures[0], features, attended)


class MAXIM(NetworkModule):
    """Some stages, each of which restores the image with the help of the features of the one before."""

    config: MAXIMConfig

    def __init__(self, config: MAXIMConfig) -> None:
        super().__init__(config)
        self.stages = nn.ModuleList(Stage(config, index) for index in range(config.stages))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            The picture of every stage, each (N, C, H, W), the last stage's last. Values are not clipped.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        self.check(x)
        images = scaled(x, self.config.levels)
        pictures: list[Tensor] = []
        before: StageResult | None = None
        for stage in self.stages:
            before = stage(images, before)
            pictures.append(before.picture.permute(0, 3, 1, 2))  # (N, C, H, W)
        return pictures
