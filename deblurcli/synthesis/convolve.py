"""Convolution with kernels that vary over the image, as a rotating camera blurs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.synthesis.trajectory import Trajectory, kernel_at

NODE_SPACING = 160  # pixels between the places where the kernel is computed; blended linearly between them


def convolve(image: Tensor, kernel: Tensor) -> Tensor:
    """Valid convolution by FFT: (C, h + K - 1, w + K - 1) and (K, K) -> (C, h, w)."""
    height, width = image.shape[-2:]
    k = kernel.shape[-1]
    product = torch.fft.rfft2(image) * torch.fft.rfft2(kernel, s=(height, width))
    blurred: Tensor = torch.fft.irfft2(product, s=(height, width))
    return blurred[..., k - 1 :, k - 1 :]


def blur_along(
    image: Tensor, trajectory: Trajectory, centre: tuple[float, float], kernel_size: int, defocus: float = 0.0
) -> Tensor:
    """Blur an image by a motion.

    Where the motion rotates, kernels are computed on a grid and their results blended linearly (efficient filter flow:
    Hirsch et al., "Efficient filter flow for space-variant multiframe blind deconvolution", CVPR 2010).

    Args:
        image: (C, H, W) float.
        trajectory: the motion.
        centre: (x, y) centre of rotation in pixels, may lie outside the image.
        kernel_size: odd side of the kernels.
        defocus: radius of a defocus disk in pixels.

    Returns:
        (C, H, W); the image is continued by replication at its borders.
    """
    margin = kernel_size // 2
    height, width = image.shape[-2:]
    padded = F.pad(image[None], (margin,) * 4, mode="replicate")[0]
    device = str(image.device)
    if not trajectory.rotates:
        return convolve(padded, kernel_at(trajectory, (0.0, 0.0), kernel_size, defocus, device))
    result = torch.zeros_like(image)
    for y, top, bottom, weight_y in nodes(height):
        for x, left, right, weight_x in nodes(width):
            kernel = kernel_at(trajectory, (x - centre[0], y - centre[1]), kernel_size, defocus, device)
            part = convolve(padded[:, top : bottom + 2 * margin, left : right + 2 * margin], kernel)
            result[:, top:bottom, left:right] += part * (weight_y[:, None] * weight_x[None]).to(image)
    return result


def nodes(length: int) -> list[tuple[float, int, int, Tensor]]:
    """Nodes along one side: (position, first pixel, end, linear weight of each pixel there); the weights sum to 1."""
    count = max(2, math.ceil(length / NODE_SPACING) + 1)
    spacing = max(length - 1, 1) / (count - 1)
    pixels = torch.arange(length, dtype=torch.float32)
    found = []
    for i in range(count):
        weight = (1 - (pixels - i * spacing).abs() / spacing).clamp(min=0)
        inside = weight.nonzero()
        if len(inside):
            first, end = int(inside[0]), int(inside[-1]) + 1
            found.append((i * spacing, first, end, weight[first:end]))
    return found
