"""Self-ensemble: the mean of a network's results over the symmetries of the square.

A network that has learnt blur in every direction should treat a mirrored or turned photo alike; where it does not, its
errors differ between the eight views, and the mean halves some of them. It costs eight times the time.

Source: Timofte, Rothe, Van Gool, "Seven ways to improve example-based single image super resolution", CVPR 2016,
section 2.4 ("enhanced prediction").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

VIEWS = 8


def mean_over_views(
    images: Sequence[np.ndarray], restore: Callable[[list[np.ndarray], int], list[np.ndarray]]
) -> list[np.ndarray]:
    """The mean of `restore` over four quarter turns, each as it is and mirrored, every result turned back.

    Args:
        images: (H, W) or (H, W, 3), all of one shape, any type.
        restore: given a view of each (contiguous) and its number from 0 to 7, returns the results, floating point, same
            shape.

    Returns:
        The shape of the images, float32.
    """
    totals = [np.zeros(image.shape, np.float32) for image in images]
    for view in range(VIEWS):
        turns, mirrored = view % 4, view >= 4
        views = [np.ascontiguousarray(np.rot90(image[:, ::-1] if mirrored else image, turns)) for image in images]
        for total, result in zip(totals, restore(views, view), strict=True):
            restored = np.rot90(result, -turns)
            total += restored[:, ::-1] if mirrored else restored
    for total in totals:
        total /= VIEWS
    return totals
