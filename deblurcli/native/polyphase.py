"""Strided and transposed convolutions as ones of stride 1, which Winograd's algorithm suits.

The pixels of an image whose rows and columns are even or odd are four images of half the size, its phases. A
convolution of stride 2 is one of stride 1 on the four; a transposed one of stride 2 makes the four. Some of the weights
are zeros then, and still a 5x5 kernel takes a fourth of the multiplications, and a transposed 4x4 one two fifths; a 3x3
kernel takes seven tenths, which is no gain in float32 but is in bfloat16.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from deblurcli.native.rows import RowAddresses

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # of row and column


def strided_weights(weight: Tensor, before: int) -> Tensor:
    """(K, C, k, k) of stride 2 with `before` zeros on the left -> (K, 4 C, 3, 3), one zero on the left; k is 3 or 5.

    Rows are counted from the first that the convolution needs, as in `split_phases`, columns from the image's first.
    """
    outputs, inputs, size, _ = weight.shape
    result = weight.new_zeros(outputs, 4, inputs, 3, 3)
    for place, (row, column) in enumerate(PHASES):
        for y in range(3):
            for x in range(3):
                from_y, from_x = 2 * y + row, 2 * (x - 1) + column + before
                if from_y < size and 0 <= from_x < size:
                    result[:, place, :, y, x] = weight[:, :, from_y, from_x]
    return result.flatten(1, 2)


def transposed_weights(weight: Tensor) -> Tensor:
    """(C, K, 4, 4) that crops one pixel on each side -> (4 K, C, 3, 3) with one zero on each side.

    Output row 2i draws on the input rows i - 1 and i with the kernel's rows 3 and 1, row 2i + 1 on i and i + 1 with 2
    and 0; columns alike.
    """
    inputs, outputs, _, _ = weight.shape
    result = weight.new_zeros(4, outputs, inputs, 3, 3)
    taps = (((0, 3), (1, 1)), ((1, 2), (2, 0)))  # (place in the result, place in the weights) for each phase
    for phase, (row, column) in enumerate(PHASES):
        for y, from_y in taps[row]:
            for x, from_x in taps[column]:
                result[phase, :, :, y, x] = weight[:, :, from_y, from_x].T
    return result.flatten(0, 1)


def split_phases(rows: RowAddresses, count: int) -> list[RowAddresses]:
    """The four phases of an image, in the order of `PHASES`, with so many rows.

    Rows that are missing have weights of zero and can be any: the last one is repeated.
    """
    found = []
    for row, column in PHASES:
        addresses = rows.addresses[row::2]
        addresses = addresses[np.arange(count).clip(max=len(addresses) - 1)]
        moved = addresses + (addresses != 0) * (column * rows.step * 4)
        found.append(RowAddresses(moved.astype(addresses.dtype), rows.channels, 2 * rows.step, rows.owners))
    return found
