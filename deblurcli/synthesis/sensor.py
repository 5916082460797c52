"""What a camera does to the light: softness before the blur; after it clipping, noise, the tone curve, 8 bits, JPEG."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def soften(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of `sigma` pixels (up to about 2): (C, H, W) float, continued by replication at its borders."""
    reach = 6  # three times the largest sigma
    places = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    weights = torch.exp(-0.5 * (places / max(sigma, 1e-3)) ** 2)
    weights = weights / weights.sum()
    padded = F.pad(image[None], (reach,) * 4, mode="replicate").transpose(0, 1)  # every channel an image of its own
    rows = F.conv2d(padded, weights.view(1, 1, -1, 1))
    return F.conv2d(rows, weights.view(1, 1, 1, -1))[:, 0]


def add_noise(light: Tensor, shot: float, read: float, rng: np.random.Generator) -> Tensor:
    """Shot noise (variance proportional to the light) and read noise (constant), as standard deviations at 1.0."""
    generator = torch.Generator(light.device).manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(light.shape, generator=generator, device=light.device, dtype=light.dtype)
    return light + noise * (shot**2 * light.clamp(min=0) + read**2).sqrt()


def to_signal(light: Tensor, gamma: float) -> Tensor:
    """Light (any range) -> clipped 8-bit signal: uint8, same shape."""
    return (light.clamp(0, 1) ** (1 / gamma) * 255).round().to(torch.uint8)


def jpeg(pixels: Tensor, quality: int, subsampling: int) -> Tensor:
    """Through a JPEG encoder and back: (3, H, W) uint8. `subsampling` as in Pillow: 0 is 4:4:4, 2 is 4:2:0."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    decoded = np.asarray(Image.open(buffer))
    return torch.from_numpy(decoded.copy()).permute(2, 0, 1).to(pixels.device)
