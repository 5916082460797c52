"""PSNR of a network on whole validation images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.networks.srn import SRN


@dataclass(frozen=True)
class Validation:
    """PSNR in dB of every pair, RGB 8-bit: of the blurry image itself, and of the network's result."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def gains(self) -> list[float]:
        return [after - before for before, after in zip(self.before, self.after, strict=True)]


def validate(
    network: SRN, weights: dict[str, Tensor], pairs: list[tuple[Tensor, Tensor]], autocast: torch.autocast
) -> Validation:
    """Measure `weights` (not the network's own, which stay as they are) on (blurry, sharp) (3, H, W) uint8 pairs."""
    own = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(weights)
    before, after = [], []
    with torch.inference_mode(), autocast:
        for blurry, sharp in pairs:
            height, width = blurry.shape[1:]
            multiple = network.config.size_multiple
            device = next(network.parameters()).device
            image = blurry[None].to(device, memory_format=torch.channels_last).float() / 255
            padded = F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")
            restored = (network(padded)[-1][0, :, :height, :width].float().clamp(0, 1) * 255).round().cpu()
            before.append(psnr(blurry.float(), sharp.float()))
            after.append(psnr(restored, sharp.float()))
    network.load_state_dict(own)
    return Validation(tuple(before), tuple(after))


def psnr(a: Tensor, b: Tensor) -> float:
    return float(20 * torch.log10(255 / (a - b).square().mean().sqrt()))
