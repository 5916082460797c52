"""What FCN is made of, in PyTorch: blocks with channel attention, encoder, decoder, supervised attention.

Source: Zhang et al., FCN, ICBDT 2022, and the family it belongs to: Zamir et al., "Multi-Stage Progressive Image
Restoration", CVPR 2021 (arXiv 2102.02808), section 3. No convolution has a bias. This file needs nothing but torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 3  # full, half and quarter resolution of a patch

# All blocks but one share a PReLU with a single slope, which the network owns and hands to them.
Activation = Callable[[Tensor], Tensor]


def conv(c_in: int, c_out: int, kernel_size: int) -> nn.Conv2d:
    """(N, C, H, W) -> (N, C', H, W), without a bias."""
    return nn.Conv2d(c_in, c_out, kernel_size, padding=kernel_size // 2, bias=False)


def halved(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H / 2, W / 2), bilinear with half-pixel centres: of two pixels that is their mean."""
    return F.avg_pool2d(x, 2)


def doubled(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), bilinear with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class AttentionBlock(nn.Module):
    """A residual block whose channels are weighed by what their means say ("CAB")."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels, 3), conv(channels, channels, 3)
        self.squeeze = conv(channels, channels // reduction, 1)
        self.excite = conv(channels // reduction, channels, 1)

    def forward(self, x: Tensor, activation: Activation) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        y = self.conv2(activation(self.conv1(x)))
        weights = torch.sigmoid(self.excite(F.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        return cast(Tensor, x + y * weights)


class Blocks(nn.ModuleList):
    """Such blocks, one after the other."""

    def __init__(self, count: int, channels: int, reduction: int) -> None:
        super().__init__(AttentionBlock(channels, reduction) for _ in range(count))

    def forward(self, x: Tensor, activation: Activation) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        for block in self:
            x = block(x, activation)
        return x


class Intro(nn.Module):
    """From a picture to features: a convolution and a block."""

    def __init__(self, image_channels: int, width: int, reduction: int) -> None:
        super().__init__()
        self.conv = conv(image_channels, width, 3)
        self.block = AttentionBlock(width, reduction)

    def forward(self, x: Tensor, activation: Activation) -> Tensor:
        """(N, C, H, W) -> (N, width, H, W)."""
        features: Tensor = self.block(self.conv(x), activation)
        return features


class Catcher(nn.Module):
    """The "enhanced features": every pixel's features, weighed by themselves.

    The normalisation is over a pixel's channels and has no scale or shift of its own.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze, self.excite = conv(width, width // 2, 1), conv(width // 2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape."""
        normal = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)
        return x * torch.sigmoid(self.excite(self.squeeze(normal)))


class Encoder(nn.Module):
    """Features at three levels; what the stage before had there comes in by convolutions of 1x1 ("CSFF")."""

    def __init__(self, widths: Sequence[int], reduction: int, fuses: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Blocks(2, width, reduction) for width in widths)
        self.downs = nn.ModuleList(conv(widths[level], widths[level + 1], 1) for level in range(LEVELS - 1))
        fused = widths if fuses else []
        self.encoded = nn.ModuleList(conv(width, width, 1) for width in fused)
        self.decoded = nn.ModuleList(conv(width, width, 1) for width in fused)

    def forward(
        self, x: Tensor, activation: Activation, encoded: Sequence[Tensor] = (), decoded: Sequence[Tensor] = ()
    ) -> list[Tensor]:
        """Features (N, C, H, W) -> those of every level, high resolution first, (N, C', H / 2^level, W / 2^level).

        Args:
            x: of the picture.
            activation: of the blocks.
            encoded, decoded: the same of the encoder and the decoder before, if there are any.
        """
        found: list[Tensor] = []
        for level, blocks in enumerate(self.levels):
            x = blocks(self.downs[level - 1](halved(x)) if level else x, activation)
            if self.encoded:
                x = x + self.encoded[level](encoded[level]) + self.decoded[level](decoded[level])
            found.append(x)
        return found


class Decoder(nn.Module):
    """From an encoder's features back to full resolution; those of its upper levels come in through a block each."""

    def __init__(self, widths: Sequence[int], reduction: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Blocks(2, width, reduction) for width in widths)
        self.skips = nn.ModuleList(AttentionBlock(width, reduction) for width in widths[:-1])
        self.ups = nn.ModuleList(conv(widths[level + 1], widths[level], 1) for level in range(LEVELS - 1))

    def forward(self, encoded: Sequence[Tensor], activation: Activation) -> list[Tensor]:
        """As `Encoder.forward` returns them -> features of the same shapes."""
        x = self.levels[-1](encoded[-1], activation)
        found = [x]
        for level in reversed(range(LEVELS - 1)):
            x = self.ups[level](doubled(x)) + self.skips[level](encoded[level], activation)
            x = self.levels[level](x, activation)
            found.insert(0, x)
        return found


class Supervision(nn.Module):
    """A picture of the features, and the features weighed by what that picture shows ("SAM")."""

    def __init__(self, width: int, image_channels: int) -> None:
        super().__init__()
        self.features = conv(width, width, 1)
        self.picture = conv(width, image_channels, 1)
        self.weights = conv(image_channels, width, 1)

    def forward(self, x: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, width, H, W) and blurry image (N, C, H, W) -> features for the next stage, picture."""
        picture = self.picture(x).to(image.dtype) + image
        return x + self.features(x) * torch.sigmoid(self.weights(picture.to(x.dtype))), picture


class FullResolution(nn.Module):
    """The last stage: groups of blocks at full resolution, between which the features of the stage before come in."""

    def __init__(self, widths: Sequence[int], extra: int, count: int, reduction: int) -> None:
        super().__init__()
        width = widths[0] + extra
        self.groups = nn.ModuleList(Blocks(count, width, reduction) for _ in range(LEVELS))
        self.ends = nn.ModuleList(conv(width, width, 3) for _ in range(LEVELS))
        self.encoded = nn.ModuleList(Growth(widths, level, width) for level in range(LEVELS))
        self.decoded = nn.ModuleList(Growth(widths, level, width) for level in range(LEVELS))

    def forward(
        self, x: Tensor, activation: Activation, encoded: Sequence[Tensor], decoded: Sequence[Tensor]
    ) -> Tensor:
        """Features (N, width + extra, H, W) -> the same shape; other arguments as for `Encoder.forward`."""
        for level, (group, end) in enumerate(zip(self.groups, self.ends, strict=True)):
            x = x + end(group(x, activation))
            x = x + self.encoded[level](encoded[level]) + self.decoded[level](decoded[level])
        return x


class Growth(nn.Module):
    """From features of a level to full resolution: twice the size and a convolution of 1x1 for each, and one more."""

    def __init__(self, widths: Sequence[int], level: int, width: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(conv(widths[lower], widths[lower - 1], 1) for lower in range(level, 0, -1))
        self.last = conv(widths[0], width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H / 2^level, W / 2^level) -> (N, width, H, W)."""
        for up in self.ups:
            x = up(doubled(x))
        return cast(Tensor, self.last(x))
