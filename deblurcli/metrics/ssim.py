"""The structural similarity of 8-bit images, in the two definitions that papers on deblurring use.

Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity",
IEEE Transactions on Image Processing 13(4), 2004, section III-B: Gaussian window of 11 and sigma 1.5, normalised;
C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2; equation (13) at every position of the window, then the mean.

The two definitions differ in what the window is and where it may stand, and so in their figures: always name the
definition with the figure.

Both work on strips of rows in float64, so beside the two images they need some 11 MB per 1000 pixels of width,
whatever the height; MATLAB's also needs an 8-bit copy of each image with its border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deblurcli.metrics.image_pair import require_image_pair

RADIUS = 5
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
STRIP_ROWS = 32  # a strip of a wide photo then stays near the core, and the rows that strips share cost little

Planes = NDArray[np.float64]  # (channels, rows, columns)


def _gaussian_window() -> NDArray[np.float64]:
    """(11,): the 2-D and 3-D windows are products of this one, so they can be applied axis by axis."""
    offsets = np.arange(-RADIUS, RADIUS + 1)
    window: NDArray[np.float64] = np.exp(-(offsets**2) / (2 * SIGMA**2))
    window /= window.sum()
    return window


WINDOW = _gaussian_window()


def ssim_wang(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """SSIM as Wang et al. define it, of each channel by itself, then the mean over the channels.

    Only positions where the whole window lies inside the image count, as in the authors' code; scikit-image comes to
    the same by leaving out a border of 5 pixels before the mean (with `gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255, channel_axis=2`).

    Args:
        a: image (H, W) or (H, W, 3), uint8, 0 to 255, grey or RGB; both sides at least 11.
        b: image of the same shape. The order of the two does not matter.

    Returns:
        The mean SSIM, at most 1; exactly 1 for identical images.

    Raises:
        ValueError: if the shapes differ or are something else, if a type is not uint8, or if a side is under 11.
    """
    require_image_pair(a, b)
    if min(a.shape[:2]) < WINDOW.size:
        raise ValueError(f"expected images of at least {WINDOW.size} x {WINDOW.size} pixels, got {a.shape}")
    return _mean_ssim(a, b, None)


def ssim_matlab(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """SSIM as MATLAB's `ssim(A, B)` computes it of an RGB array: of a volume with the colours as third dimension.

    The window is 11 x 11 x 11, the volume is continued by its border values on all six sides, and every voxel counts.
    The window hence mixes red, green and blue. The SSIM of GoPro tables since Nah et al. (CVPR 2017) and Tao et al.
    (CVPR 2018) is this one. Of a grey image it is the 2-D SSIM with continued borders.

    Source: MATLAB's reference page of `ssim`; its exponents of 1 and "regularization constants" give Wang's formula.

    Args:
        a: image (H, W) or (H, W, 3), uint8, 0 to 255, grey or RGB, of any size.
        b: image of the same shape. The order of the two does not matter.

    Returns:
        The mean SSIM, at most 1; exactly 1 for identical images.

    Raises:
        ValueError: if the shapes differ or are something else, or if a type is not uint8.
    """
    require_image_pair(a, b)
    margin = [(RADIUS, RADIUS), (RADIUS, RADIUS)] + [(0, 0)] * (a.ndim - 2)
    mixing = _replicated_window(a.shape[2]) if a.ndim == 3 else None
    return _mean_ssim(np.pad(a, margin, "edge"), np.pad(b, margin, "edge"), mixing)


def _replicated_window(length: int) -> NDArray[np.float64]:
    """The window along an axis shorter than itself whose ends are continued: a matrix (length, length).

    Taps that fall off an end count for the end.
    """
    matrix = np.zeros((length, length))
    for row in range(length):
        sources = np.clip(np.arange(row - RADIUS, row + RADIUS + 1), 0, length - 1)
        np.add.at(matrix[row], sources, WINDOW)
    return matrix


def _mean_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8], mixing: NDArray[np.float64] | None) -> float:
    """The mean over the positions of the window inside images (H, W) or (H, W, C), and over the channels.

    `mixing` (C, C), if given, is the window along the channels.
    """
    rows = a.shape[0] - 2 * RADIUS
    total, count = 0.0, 0
    for top in range(0, rows, STRIP_ROWS):
        strip = slice(top, min(top + STRIP_ROWS, rows) + 2 * RADIUS)
        values = _ssim_of_strip(_planes(a[strip]), _planes(b[strip]), mixing)
        total += float(values.sum())
        count += values.size
    return total / count


def _planes(image: NDArray[np.uint8]) -> Planes:
    planes = np.atleast_3d(image).transpose(2, 0, 1)
    return np.ascontiguousarray(planes, np.float64)


def _ssim_of_strip(x: Planes, y: Planes, mixing: NDArray[np.float64] | None) -> Planes:
    """Wang's equation (13); its two variances are only ever added, so they are filtered as one."""

    def mean(planes: Planes) -> Planes:
        planes = slide_window(planes)
        return planes if mixing is None else np.tensordot(mixing, planes, 1)

    mean_x, mean_y = mean(x), mean(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = mean(x * y) - product
    variances = mean(x**2 + y**2) - squares
    similarity: Planes = (2 * product + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    return similarity


def slide_window(planes: Planes) -> Planes:
    """Means weighted by the 2-D window where it lies inside: planes (N, H, W) to (N, H - 10, W - 10)."""
    return _slide(_slide(planes, 1), 2)


def _slide(planes: Planes, axis: int) -> Planes:
    """The window's weighted mean along rows (1) or columns (2), inside only: 10 fewer than given."""

    def shifted(offset: int) -> Planes:
        span = slice(offset, offset + planes.shape[axis] - 2 * RADIUS)
        return planes[:, span] if axis == 1 else planes[:, :, span]

    result: Planes = WINDOW[RADIUS] * shifted(RADIUS)
    for distance in range(1, RADIUS + 1):  # the window is symmetric
        pair = shifted(RADIUS - distance) + shifted(RADIUS + distance)
        pair *= WINDOW[RADIUS + distance]
        result += pair
    return result
