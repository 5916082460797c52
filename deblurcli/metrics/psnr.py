"""The peak signal-to-noise ratio of 8-bit images, as papers on deblurring print it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deblurcli.metrics.image_pair import require_image_pair

PEAK = 255


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """PSNR in dB: 10 log10(255^2 / MSE), the mean squared error over all pixels and channels together.

    Args:
        a: image (H, W) or (H, W, 3), uint8, 0 to 255, grey or RGB.
        b: image of the same shape. The order of the two does not matter.

    Returns:
        The PSNR, infinity for identical images.

    Raises:
        ValueError: if the shapes differ or are something else, or if a type is not uint8.

    Source: the definition used for the GoPro set (Nah et al., CVPR 2017; Tao et al., CVPR 2018, Table 2), which papers
    then average over the images, in dB.
    """
    require_image_pair(a, b)
    difference = a.astype(np.int32) - b
    squared_error = int(np.square(difference).sum(dtype=np.int64))  # exact
    if squared_error == 0:
        return math.inf
    return 10 * math.log10(PEAK**2 * a.size / squared_error)
