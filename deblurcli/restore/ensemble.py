"""Self-ensemble: the mean of a network's results over the symmetries of the square.

A network that has learnt blur in every direction should treat a mirrored or turned photo alike; where it does not, its
errors differ between the eight views, and the mean halves some of them. It costs eight times the time.

Source: Timofte, Rothe, Van Gool, "Seven ways to improve example-based single image super resolution", CVPR 2016,
section 2.4 ("enhanced prediction").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

VIEWS = 8


def mean_over_views(pixels: np.ndarray, restore: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    """The mean of `restore` over four quarter turns, each as it is and mirrored, every result turned back.

    Args:
        pixels: (H, W) or (H, W, 3), any type.
        restore: given a view (contiguous) and its number from 0 to 7, returns its result, floating point, same shape.

    Returns:
        The shape of `pixels`, float32.
    """
    total = np.zeros(pixels.shape, np.float32)
    for view in range(VIEWS):
        turns, mirrored = view % 4, view >= 4
        image = np.rot90(pixels[:, ::-1] if mirrored else pixels, turns)
        restored = np.rot90(restore(np.ascontiguousarray(image), view), -turns)
        total += restored[:, ::-1] if mirrored else restored
    total /= VIEWS
    return total
