"""A guard on every result: where a network fails, the input is kept.

Motion blur moves light about but neither makes nor loses any, so a result whose average colour over a block is far from
the input's is wrong, whatever it looks like.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from deblurcli.restore.picture import white

BLOCK = 64  # pixels; wider than the blur that can be removed
FARTHEST = 0.25  # of white: 40 pixels of blur in linear light move a block's mean by up to 0.2


def keep_input_where_wrong(result: np.ndarray, pixels: np.ndarray, strength: float) -> float:
    """Put the input back, fading over a block, where the result's low-pass colour is far from it.

    Args:
        result: (H, W) or (H, W, 3), changed in place.
        pixels: the input, same shape and type.
        strength: share of the change that was applied, which scales the limit.

    Returns:
        The share of blocks that were put back, 0 to 1.
    """
    limit = FARTHEST * strength * white(pixels.dtype) + (pixels.dtype.kind == "u")  # rounding is no failure
    wrong = np.abs(block_means(result) - block_means(pixels)).max(-1) > limit
    if not wrong.any():
        return 0.0
    # Dilated by a block and interpolated: 1 on every wrong block, fading to 0 outside its neighbours.
    grid = F.max_pool2d(torch.from_numpy(wrong).float()[None, None], 3, 1, 1)
    for top in range(0, len(pixels), BLOCK):
        rows = slice(top, min(top + BLOCK, len(pixels)))
        weight = fade(grid, pixels.shape[:2], rows)
        if not weight.any():
            continue
        weight = weight.reshape(weight.shape + (1,) * (pixels.ndim - 2))
        mixed = result[rows] + weight * (pixels[rows].astype(np.float32) - result[rows])
        result[rows] = np.rint(mixed) if pixels.dtype.kind == "u" else mixed
    return float(wrong.mean())


def block_means(image: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) -> mean of each block (rows of blocks, columns of blocks, C).

    The last block of a row or column reaches back to be a whole one: light crosses the border of a sliver too easily.
    """
    planes = image.reshape(*image.shape[:2], -1)
    tops, lefts = ([max(min(i, n - BLOCK), 0) for i in range(0, n, BLOCK)] for n in planes.shape[:2])
    means = []
    for top in tops:
        columns = planes[top : top + BLOCK].mean(0, dtype=np.float64)
        means.append([columns[left : left + BLOCK].mean(0) for left in lefts])
    return np.array(means)


def fade(grid: torch.Tensor, size: tuple[int, int], rows: slice) -> np.ndarray:
    """Rows of the block grid (1, 1, h, w), interpolated between the blocks' middles to pixels: (rows, W)."""
    y = (torch.arange(rows.start, rows.stop) + 0.5) / BLOCK
    x = (torch.arange(size[1]) + 0.5) / BLOCK
    height, width = grid.shape[2:]
    places = torch.stack(torch.meshgrid(2 * x / width - 1, 2 * y / height - 1, indexing="xy"), -1)
    sampled = F.grid_sample(grid, places[None], mode="bilinear", padding_mode="border", align_corners=False)
    return sampled[0, 0].numpy()
