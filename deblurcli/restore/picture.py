"""The pixels of a photograph as a network wants them, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Picture:
    """A blurry image as the network's source: padded to whole multiples, converted a region at a time on the device.

    Args:
        pixels: (H, W) grey or (H, W, 3) RGB; uint8, uint16, or floating point in [0, 1].
        multiple: both padded sides are multiples of it.
        channels: of the network: 3, or 1 to restore each colour as a grey image of its own.
        device: where the regions are wanted.

    Attributes:
        height, width: padded, in pixels.
    """

    def __init__(self, pixels: np.ndarray, multiple: int, channels: int, device: torch.device) -> None:
        self.dtype, self.channels = pixels.dtype, channels
        self.pixels = bits_on(pixels, device)
        height, width = pixels.shape[:2]
        rows, columns = padded_index(height, multiple), padded_index(width, multiple)
        self.height, self.width = len(rows), len(columns)
        self.rows, self.columns = torch.from_numpy(rows).to(device), torch.from_numpy(columns).to(device)

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """(N, C, bottom - top, right - left) float32 in [0, 1]; N is 3 for colour through a grey network."""
        region = self.pixels.index_select(0, self.rows[top:bottom]).index_select(1, self.columns[left:right])
        if self.dtype == np.uint16:
            region = region.to(torch.int32) & 0xFFFF
        values = region.float()
        if self.dtype.kind == "u":
            values /= white(self.dtype)
        if values.ndim == 2:
            return values.expand(1, self.channels, -1, -1)
        return values.permute(2, 0, 1)[None] if self.channels == 3 else values.permute(2, 0, 1)[:, None]

    def image(self, restored: Tensor) -> Tensor:
        """A region of the network's result, (N, C, h, w), in the layout of the pixels: (h, w) or (h, w, 3)."""
        if self.pixels.ndim == 2:
            return restored.mean((0, 1))
        planes = restored[0] if self.channels == 3 else restored[:, 0]
        return planes.permute(1, 2, 0)


def bits_on(pixels: np.ndarray, device: torch.device) -> Tensor:
    """The array on a device; uint16, which few operations know, as int16 of the same bits."""
    pixels = np.ascontiguousarray(pixels)
    if not pixels.flags.writeable:  # PyTorch takes no such memory
        pixels = pixels.copy()
    if pixels.dtype == np.uint16:
        pixels = pixels.view(np.int16)
    values = torch.from_numpy(pixels)
    if device.type == "cuda":  # from pinned memory the copy runs beside the computing
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device, torch.float32) if values.dtype == torch.float64 else values.to(device)


def padded_index(length: int, multiple: int) -> np.ndarray:
    """For every row of the padded image the row of the original: reflected at the end, or repeated if too small."""
    extra = -length % multiple
    padding = np.arange(length - 2, length - 2 - extra, -1) if extra < length else np.full(extra, length - 1)
    return np.concatenate([np.arange(length), padding]).astype(np.intp)


def white(dtype: np.dtype) -> float:
    """The value of white: 255, 65535, or 1 for floating point."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def quantise(values: Tensor, dtype: np.dtype) -> np.ndarray:
    """Values in [0, 1] (others are clipped) in the pixels' type; integers are rounded, not truncated."""
    scaled = values.clamp(0, 1) * white(dtype)
    if dtype == np.uint8:
        scaled = scaled.round_().to(torch.uint8)
    elif dtype == np.uint16:
        scaled = scaled.round_().to(torch.int32)
    result: np.ndarray = scaled.cpu().numpy().astype(dtype, copy=False)
    return result
