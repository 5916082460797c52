"""The multi-scale structural similarity that Koehler's benchmark calls MSSIM.

Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment", Asilomar 2003:
five scales and the exponents of section 3.2. It comes in several variants, whose figures differ. This is that of the
MeTriX MuX package (Rouse and Gaubatz, Cornell, 2007), which Koehler's evaluation code calls: contrast and structure
are averaged apart from each other, and the next scale is made by the low-pass filter of the 9/7 biorthogonal wavelet,
with mirrored borders, and every second pixel of it. At each scale SSIM's window is that of `ssim_wang`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from deblurcli.metrics.alignment import Plane
from deblurcli.metrics.ssim import C1, C2, RADIUS, STRIP_ROWS, slide_window

EXPONENTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
HALF_LOW_PASS = np.array(  # from the middle outwards; Cohen, Daubechies, Feauveau 1992
    [0.852698679008890, 0.377402855612830, -0.110624404418440, -0.023849465019560, 0.037828455507260]
)
LOW_PASS = np.concatenate([HALF_LOW_PASS[:0:-1], HALF_LOW_PASS])
LOW_PASS /= LOW_PASS.sum()
SMALLEST = 2 * RADIUS * 2 ** (len(EXPONENTS) - 1) + 1  # the window then still fits into the smallest scale


def ms_ssim(a: Plane, b: Plane) -> float:
    """Multi-scale SSIM of two grey pictures.

    Args:
        a: (H, W) float64, 0 to 255, both sides at least 161. Values outside the range are taken as they are.
        b: picture of the same shape. The order of the two does not matter.

    Returns:
        At most 1; 1 for identical pictures. 0 if contrast or structure is negative on average at some scale, as of a
        picture and its negative: the powers are not defined there, and MATLAB gives a complex number.

    Raises:
        ValueError: if the shapes differ, are not (H, W), or a side is under 161.
    """
    if a.shape != b.shape or a.ndim != 2 or min(a.shape) < SMALLEST:
        raise ValueError(f"expected two grey images of at least {SMALLEST} x {SMALLEST}, got {a.shape} and {b.shape}")
    result = 1.0
    for scale, exponent in enumerate(EXPONENTS):
        if scale:
            a, b = (_halve(_halve(plane).T).T for plane in (a, b))
        luminance, contrast, structure = _means(a, b)
        parts = [contrast, structure] + [luminance] * (scale == len(EXPONENTS) - 1)
        for part in parts:
            result *= max(part, 0.0) ** exponent
    return result


def _means(a: Plane, b: Plane) -> tuple[float, float, float]:
    """Luminance, contrast and structure, each averaged over the positions of the window inside the picture."""
    rows, columns = (side - 2 * RADIUS for side in a.shape)
    totals = np.zeros(3)
    for top in range(0, rows, STRIP_ROWS):
        strip = slice(top, min(top + STRIP_ROWS, rows) + 2 * RADIUS)
        x, y = a[strip], b[strip]
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = slide_window(np.stack([x, y, x * x, y * y, x * y]))
        product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
        variance_x, variance_y = (np.maximum(mean_xx - mean_x**2, 0), np.maximum(mean_yy - mean_y**2, 0))
        deviations = np.sqrt(variance_x * variance_y)
        totals += (
            ((2 * product + C1) / (squares + C1)).sum(),
            ((2 * deviations + C2) / (variance_x + variance_y + C2)).sum(),
            ((mean_xy - product + C2 / 2) / (deviations + C2 / 2)).sum(),
        )
    luminance, contrast, structure = totals / (rows * columns)
    return float(luminance), float(contrast), float(structure)


def _halve(plane: Plane) -> Plane:
    """Every second row of the picture after the low-pass filter along its columns."""
    reach = LOW_PASS.size // 2
    padded = np.pad(plane, [(reach, reach), (0, 0)], "symmetric")
    result = np.zeros_like(plane[::2])
    for tap, weight in enumerate(LOW_PASS):
        result += weight * padded[tap : tap + plane.shape[0] : 2]
    return result
