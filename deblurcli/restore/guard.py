"""A guard on every result: where a network fails, the input is kept.

Motion blur moves light about but neither makes nor loses any, so a result whose average colour over a block is far from
the input's is wrong, whatever it looks like.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.restore.pictures import unit_values, white

BLOCK = 64  # pixels; wider than the blur that can be removed
FARTHEST = 0.25  # of white: 40 pixels of blur in linear light move a block's mean by up to 0.2


def wrong_blocks(result: Tensor, pixels: Tensor, dtype: np.dtype, strength: float) -> Tensor:
    """Where a result's low-pass colour is far from the input's.

    Args:
        result, pixels: (B, H, W) or (B, H, W, C) on any device, as `pictures.stored`.
        dtype: of the pixels.
        strength: share of the change that was applied, which scales the limit.

    Returns:
        (B, rows of blocks, columns of blocks) bool.
    """
    limit = FARTHEST * strength + (1 / white(dtype) if dtype.kind == "u" else 0.0)  # rounding is no failure
    return (block_means(result, dtype) - block_means(pixels, dtype)).abs().amax(-1) > limit


def put_back(result: np.ndarray, pixels: np.ndarray, wrong: np.ndarray) -> None:
    """Put the input back into a result where blocks are wrong, fading over a block.

    Args:
        result: (H, W) or (H, W, 3), changed in place.
        pixels: the input, same shape and type.
        wrong: (rows of blocks, columns of blocks) bool.
    """
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


def block_means(images: Tensor, dtype: np.dtype) -> Tensor:
    """(B, H, W) or (B, H, W, C) `stored` -> mean in [0, 1] of each block: (B, rows of blocks, columns of blocks, C).

    The last block of a row or column reaches back to be a whole one: light crosses the border of a sliver too easily.
    """
    planes = images.reshape(*images.shape[:3], -1)
    height, width = planes.shape[1:3]
    lefts = torch.arange(0, width, BLOCK, device=images.device).clamp(max=max(width - BLOCK, 0))
    columns = lefts[:, None] + torch.arange(min(BLOCK, width), device=images.device)
    means = []
    for top in range(0, height, BLOCK):
        top = max(min(top, height - BLOCK), 0)
        means.append(unit_values(planes[:, top : top + BLOCK], dtype).mean(1)[:, columns].mean(2))
    return torch.stack(means, 1)


def fade(grid: Tensor, size: tuple[int, int], rows: slice) -> np.ndarray:
    """Rows of the block grid (1, 1, h, w), interpolated between the blocks' middles to pixels: (rows, W)."""
    y = (torch.arange(rows.start, rows.stop) + 0.5) / BLOCK
    x = (torch.arange(size[1]) + 0.5) / BLOCK
    height, width = grid.shape[2:]
    places = torch.stack(torch.meshgrid(2 * x / width - 1, 2 * y / height - 1, indexing="xy"), -1)
    sampled = F.grid_sample(grid, places[None], mode="bilinear", padding_mode="border", align_corners=False)
    return sampled[0, 0].numpy()
