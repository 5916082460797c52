"""PSNR of a network on whole validation images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.metrics.psnr import psnr
from deblurcli.networks.base import Config, Network


@dataclass(frozen=True)
class Validation:
    """PSNR in dB of every pair, RGB 8-bit: of the blurry image itself, and of the network's result."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def gains(self) -> list[float]:
        return [after - before for before, after in zip(self.before, self.after, strict=True)]


def validate(
    network: Network[Config], weights: dict[str, Tensor], pairs: list[tuple[Tensor, Tensor]], autocast: torch.autocast
) -> Validation:
    """Measure `weights` (not the network's own, which stay as they are) on (blurry, sharp) (3, H, W) uint8 pairs."""
    own = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(weights)
    before, after = [], []
    with torch.inference_mode(), autocast:
        for blurry, sharp in pairs:
            height, width = blurry.shape[1:]
            multiple = network.config.size_multiple
            image = blurry[None].to(network.device, memory_format=torch.channels_last).float() / 255
            padded = F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")
            restored = (network(padded)[-1][0, :, :height, :width].float().clamp(0, 1) * 255).round().to(torch.uint8)
            truth = as_array(sharp)
            before.append(psnr(as_array(blurry), truth))
            after.append(psnr(as_array(restored), truth))
    network.load_state_dict(own)
    return Validation(tuple(before), tuple(after))


def as_array(image: Tensor) -> np.ndarray:
    """(3, H, W) uint8 tensor -> (H, W, 3) array."""
    return np.asarray(image.permute(1, 2, 0).cpu())
