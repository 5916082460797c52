"""The least that a network can be: what is left out of its `Architecture` is left to the contract's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.base import Architecture
from deblurcli.networks.module import NetworkModule


@dataclass(frozen=True)
class ToyConfig:
    width: int = 4
    image_channels: int = 3
    size_multiple = 4


class Toy(NetworkModule):
    """Two convolutions."""

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.first = nn.Conv2d(config.image_channels, config.width, 3, padding=1)
        self.last = nn.Conv2d(config.width, config.image_channels, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        self.check(x)
        return [self.last(F.relu(self.first(x.to(self.dtype)))).to(x.dtype) + x]


def read_config(state: Mapping[str, Tensor]) -> ToyConfig:
    first = state["first.weight"]
    return ToyConfig(first.shape[0], first.shape[1])


ARCHITECTURE = Architecture(
    title="Toy",
    config=ToyConfig,
    build=Toy,
    signature=("first.weight", "last.weight"),
    read_config=read_config,
    bytes_per_pixel=lambda config: 8 * config.width,
)
