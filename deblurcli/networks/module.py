"""What the networks have in common as PyTorch modules. Needs nothing but torch."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class ImageSizes(Protocol):
    """What a network's config says of the images it takes."""

    @property
    def image_channels(self) -> int:
        """3 for RGB, 1 for grey."""

    @property
    def size_multiple(self) -> int:
        """Both sides of an image must be multiples of this."""


class NetworkModule(nn.Module):
    """A network that restores images.

    Attributes:
        config: what the network is; enough to build it again.
    """

    def __init__(self, config: ImageSizes) -> None:
        super().__init__()
        self.config = config

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights, in which it computes; images stay in theirs."""
        return next(self.parameters()).dtype

    def check(self, x: Tensor) -> None:
        """Raises ValueError unless `x` is a batch for the network: (N, C, H, W), its channels and multiples."""
        channels, multiple = self.config.image_channels, self.config.size_multiple
        if x.ndim != 4 or x.shape[1] != channels or x.shape[2] % multiple or x.shape[3] % multiple:
            wanted = f"(N, {channels}, H, W) with H and W multiples of {multiple}"
            raise ValueError(f"expected {wanted}, got {tuple(x.shape)}")
