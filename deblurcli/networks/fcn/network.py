"""FCN, the feature catcher: four stages on ever larger patches of an image, in PyTorch.

Source: Zhang et al., FCN ("feature catcher"), ICBDT 2022. Its text does not fix all shapes. What does is the number of
parameters of the authors' public network, 20,309,377, together with the network it extends (see `blocks`): exactly so
many has that one, its PReLU shared by all blocks, with a stage more in front and with the "enhanced features", whose
normalisation has no numbers of its own. The multiply-adds are the published ones too.

Where text and count disagree the count is followed:
- The text's query-key mechanism (maps in (0, 1), made of deep features, that weigh maps of the input) is not in the
  authors' public network either, and not here.
- Its trust ratios belong to the loss: `trust` in a recipe's [loss] (`deblurcli.training.loss`).

Chosen where neither says: features of the first stage are added after those of the second are put together to the same
halves; no activation stands between the two convolutions of the enhanced features, which are normalised pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.fcn.blocks import (
    LEVELS,
    Catcher,
    Decoder,
    Encoder,
    FullResolution,
    Intro,
    Supervision,
    conv,
)
from deblurcli.networks.module import NetworkModule

STAGES = 4

Grid = tuple[int, int]  # rows and columns of patches


@dataclass(frozen=True)
class FCNConfig:
    """Everything that distinguishes one FCN from another.

    Attributes:
        width: feature channels at full resolution.
        growth: channels more at every level down.
        extra: channels more in the last stage.
        blocks: of each of the last stage's three groups.
        reduction: how many times fewer channels there are within channel attention.
        patch_rows, patch_columns: into how many patches each of the four stages cuts the image, beside and below each
            other. Every number is a multiple of the next, and the last one is 1.
        image_channels: 3 for RGB, 1 for a model that restores R, G and B each as a grey image.
    """

    width: int = 96
    growth: int = 48
    extra: int = 32
    blocks: int = 8
    reduction: int = 4
    patch_rows: tuple[int, ...] = (2, 2, 2, 1)
    patch_columns: tuple[int, ...] = (4, 2, 1, 1)
    image_channels: int = 3

    def __post_init__(self) -> None:
        for name in ("patch_rows", "patch_columns"):
            counts = getattr(self, name)
            whole = all(count > 0 for count in counts) and not any(now % after for now, after in pairwise(counts))
            if len(counts) != STAGES or counts[-1] != 1 or not whole:
                raise ValueError(f"{name} must be {STAGES} numbers, each a multiple of the next, the last of them 1")
        if self.reduction < 1 or self.width < max(self.reduction, 2) or min(self.growth, self.extra, self.blocks) < 0:
            raise ValueError("width must be at least reduction and 2; growth, extra and blocks 0 or more")
        if self.image_channels not in (1, 3):
            raise ValueError("image_channels must be 1 or 3")

    @property
    def grids(self) -> list[Grid]:
        """The patches of every stage."""
        return list(zip(self.patch_rows, self.patch_columns, strict=True))

    @property
    def widths(self) -> list[int]:
        """Channels at every level, from high resolution to low."""
        return [self.width + level * self.growth for level in range(LEVELS)]

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this: of patches whose sides can be halved twice."""
        halvings = 1 << (LEVELS - 1)
        return math.lcm(*self.grids[0], *(halvings * count for count in self.grids[1]))


def targets(config: FCNConfig, sharp: Tensor) -> list[Tensor]:
    """What the three predictions are trained against: the sharp image at full size, (N, C, H, W)."""
    return [sharp] * (STAGES - 1)


def cut(x: Tensor, grid: Grid) -> Tensor:
    """Images (N, C, H, W) -> their patches as a batch, (rows x columns x N, C, H / rows, W / columns)."""
    batch, channels, height, width = x.shape
    rows, columns = grid
    patches = x.reshape(batch, channels, rows, height // rows, columns, width // columns)
    return patches.permute(2, 4, 0, 1, 3, 5).reshape(-1, channels, height // rows, width // columns)


def join(patches: Tensor, grid: Grid) -> Tensor:
    """The reverse of `cut`."""
    rows, columns = grid
    _, channels, height, width = patches.shape
    x = patches.reshape(rows, columns, -1, channels, height, width).permute(2, 3, 0, 4, 1, 5)
    return x.reshape(-1, channels, rows * height, columns * width)


class Stage(nn.Module):
    """A stage in the middle: an encoder on its patches, a decoder on the larger ones of the next stage."""

    def __init__(self, config: FCNConfig, first: bool) -> None:
        super().__init__()
        widths, reduction = config.widths, config.reduction
        self.intro = Intro(config.image_channels, config.width, reduction)
        self.merge = None if first else conv(2 * config.width, config.width, 3)
        self.encoder = Encoder(widths, reduction, fuses=not first)
        self.decoder = Decoder(widths, reduction)
        self.supervision = Supervision(config.width, config.image_channels)


class FCN(NetworkModule):
    """Four stages, each of which hands its features to the next; three of them make a picture."""

    config: FCNConfig

    def __init__(self, config: FCNConfig) -> None:
        super().__init__(config)
        widest = config.width + config.extra
        self.slope = nn.Parameter(torch.full((1,), 0.25))  # of the PReLU that all blocks share
        self.processing = Intro(config.image_channels, config.width, config.reduction)
        self.catcher = Catcher(config.width)
        self.stages = nn.ModuleList([Stage(config, first=True), Stage(config, first=False)])
        self.intro = Intro(config.image_channels, config.width, config.reduction)
        self.merge = conv(2 * config.width, widest, 3)
        self.last = FullResolution(config.widths, config.extra, config.blocks, config.reduction)
        self.tail = conv(widest, config.image_channels, 3)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            Three predictions, those of the second, third and last stage, (N, C, H, W) each, not clipped.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        self.check(x)
        grids, blurry = self.config.grids, x.to(self.dtype)

        def activation(features: Tensor) -> Tensor:
            return F.prelu(features, self.slope.to(features.dtype))

        def regrid(patches: Tensor, before: int) -> Tensor:
            """From a stage's patches to those of the next stage."""
            return cut(join(patches, grids[before]), grids[before + 1])

        caught = self.catcher(self.processing(cut(blurry, grids[0]), F.selu))
        caught = regrid(regrid(caught, 0), 1)  # (N x 2, width, H / 2, W)
        encoded: list[Tensor] = []
        decoded: list[Tensor] = []
        pictures: list[Tensor] = []
        attended = blurry[:0]  # nothing yet
        for number, stage in enumerate(cast(Iterable[Stage], self.stages), 1):
            features = stage.intro(cut(blurry, grids[number]), activation)
            if stage.merge is not None:
                features = stage.merge(torch.cat([features, attended], 1))
            levels = stage.encoder(features, activation, encoded, decoded)
            encoded = [regrid(level, number) for level in levels]
            if number == 1:
                encoded[0] = encoded[0] + caught
            decoded = stage.decoder(encoded, activation)
            attended, picture = stage.supervision(decoded[0], cut(x, grids[number + 1]))
            pictures.append(join(picture, grids[number + 1]))
        features = self.merge(torch.cat([self.intro(blurry, activation), attended], 1))
        features = self.last(features, activation, encoded, decoded)
        return [*pictures, self.tail(features).to(x.dtype) + x]
