"""Rows of pixels wherever they are in memory: what the compiled library reads.

Tensors whose rows are meant are (C, h, W) float32, in memory row by row, pixel by pixel, channel by channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass
class RowAddresses:
    """Consecutive rows of one image, wherever they are.

    Attributes:
        addresses: of each row's first pixel; 0 is a row of zeros.
        channels: floats of a pixel that are meant.
        step: floats from one pixel to the next.
        owners: the tensors that hold the rows; they keep the memory alive.
    """

    addresses: np.ndarray
    channels: int
    step: int
    owners: tuple[Tensor, ...]


def rows_of_tensor(image: Tensor) -> RowAddresses:
    """(C, h, W) float32 on the CPU, channels innermost and rows without gaps inside, -> its rows."""
    channels, height, _ = image.shape
    row = image.stride(1) * image.element_size()
    addresses = image.data_ptr() + row * np.arange(height, dtype=np.uint64)
    return RowAddresses(addresses.astype(np.uint64), channels, image.stride(2), (image,))
