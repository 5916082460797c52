"""What every measure that compares two 8-bit images asks of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def require_image_pair(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> None:
    """Check that both are uint8 images of one shape, (H, W) or (H, W, 3), and not empty.

    Raises:
        ValueError: if they are not. Floats are refused, not rounded: their value range would be a guess.
    """
    if a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(f"expected two uint8 images, got {a.dtype} and {b.dtype}")
    if a.shape != b.shape:
        raise ValueError(f"the images differ in shape: {a.shape} and {b.shape}")
    if a.size == 0 or not (a.ndim == 2 or (a.ndim == 3 and a.shape[2] == 3)):
        raise ValueError(f"expected images (H, W) or (H, W, 3), got {a.shape}")
