"""The pixels of a photograph as a network wants them, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Picture:
    """A blurry image as the network's source: padded to whole multiples, converted a region at a time.

    Args:
        pixels: (H, W) grey or (H, W, 3) RGB; uint8, uint16, or floating point in [0, 1].
        multiple: both padded sides are multiples of it.
        channels: of the network: 3, or 1 to restore each colour as a grey image of its own.

    Attributes:
        height, width: padded, in pixels.
    """

    def __init__(self, pixels: np.ndarray, multiple: int, channels: int) -> None:
        self.pixels, self.channels = pixels, channels
        height, width = pixels.shape[:2]
        self.rows, self.columns = padded_index(height, multiple), padded_index(width, multiple)
        self.height, self.width = len(self.rows), len(self.columns)

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """(N, C, bottom - top, right - left) float32 in [0, 1]; N is 3 for colour through a grey network."""
        region = self.pixels[self.rows[top:bottom]][:, self.columns[left:right]]
        values = torch.from_numpy(np.ascontiguousarray(region, dtype=np.float32))
        if self.pixels.dtype.kind == "u":
            values /= white(self.pixels.dtype)
        if values.ndim == 2:
            return values.expand(1, self.channels, -1, -1)
        return values.permute(2, 0, 1)[None] if self.channels == 3 else values.permute(2, 0, 1)[:, None]

    def image(self, restored: Tensor) -> np.ndarray:
        """A region of the network's result, (N, C, h, w), in the layout of the pixels: (h, w) or (h, w, 3) float32."""
        if self.pixels.ndim == 2:
            return restored.mean((0, 1)).numpy()
        planes = restored[0] if self.channels == 3 else restored[:, 0]
        return planes.permute(1, 2, 0).numpy()


def padded_index(length: int, multiple: int) -> np.ndarray:
    """For every row of the padded image the row of the original: reflected at the end, or repeated if too small."""
    extra = -length % multiple
    padding = np.arange(length - 2, length - 2 - extra, -1) if extra < length else np.full(extra, length - 1)
    return np.concatenate([np.arange(length), padding]).astype(np.intp)


def white(dtype: np.dtype) -> float:
    """The value of white: 255, 65535, or 1 for floating point."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def quantise(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in [0, 1] (others are clipped) in the pixels' type; integers are rounded, not truncated."""
    scaled = np.clip(values, 0, 1) * white(dtype)
    if dtype.kind == "u":
        scaled = np.rint(scaled)
    result: np.ndarray = scaled.astype(dtype)
    return result
