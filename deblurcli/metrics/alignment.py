"""How far one picture lies from another, by the peak of their cross-correlation, and the moving of a picture.

Source: Guizar-Sicairos, Thurman, Fienup, "Efficient subpixel image registration algorithms", Optics Letters 33(2),
2008: the peak by an FFT, then the same sum on a fine grid about that peak only, as a product of matrices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FINE = 100  # positions per pixel
LANCZOS_RADIUS = 5

Plane = NDArray[np.float64]  # (rows, columns)
Spectrum = NDArray[np.complex128]  # (rows, columns // 2 + 1), from np.fft.rfft2


def find_shift(reference: Plane, spectrum: Spectrum) -> tuple[int, int]:
    """The whole-pixel shift (rows down, columns right) that brings a picture closest to the reference.

    Args:
        reference: (H, W), any range.
        spectrum: `np.fft.rfft2` of the picture to move, of the same size: with many references it is needed once.

    Returns:
        The place of the largest circular cross-correlation, at most H/2 and W/2 either way; of equal peaks the one
        with the shortest shift, so that rounding errors do not choose.
    """
    height, width = reference.shape
    correlation = np.fft.irfft2(np.fft.rfft2(reference) * np.conj(spectrum), reference.shape)
    peak = correlation.max()
    rows, columns = np.nonzero(correlation >= peak - 1e-12 * abs(peak))
    rows = np.where(rows > height // 2, rows - height, rows)
    columns = np.where(columns > width // 2, columns - width, columns)
    nearest = np.argmin(rows**2 + columns**2)
    return int(rows[nearest]), int(columns[nearest])


def refine_shift(reference: Plane, picture: Plane, shift: tuple[int, int]) -> tuple[float, float]:
    """The shift to a hundredth of a pixel, at most 3/4 of a pixel from the whole one given, as `find_shift` finds it.

    The correlation is of the part that both share, less its mean and under a Hann window: the ends of a photo do not
    fit together, and without the window they would pull the peak back by a tenth of a pixel and more.
    """
    moved, covered = move(picture, shift)
    shared = [plane[covered] - plane[covered].mean() for plane in (reference, moved)]
    height, width = shared[0].shape
    window = np.outer(np.hanning(height), np.hanning(width))
    cross = np.fft.rfft2(shared[0] * window) * np.conj(np.fft.rfft2(shared[1] * window))
    near = np.arange(-3 * FINE // 4, 3 * FINE // 4 + 1) / FINE
    down = np.exp(2j * np.pi * np.outer(near, np.fft.fftfreq(height)))
    right = np.exp(2j * np.pi * np.outer(np.fft.rfftfreq(width), near))
    right[1 : (width + 1) // 2] *= 2  # for their conjugates, which rfft2 leaves out
    fine = (down @ cross @ right).real
    if fine.max() <= 1e-12 * np.abs(cross).sum():
        return float(shift[0]), float(shift[1])  # one of the two is flat
    row, column = np.unravel_index(int(fine.argmax()), fine.shape)
    return shift[0] + float(near[row]), shift[1] + float(near[column])


def move(picture: Plane, shift: tuple[float, float]) -> tuple[Plane, tuple[slice, slice]]:
    """Move a picture (H, W) down and right; negative numbers move it up and left.

    Whole pixels are moved as they are; for a fraction the picture is interpolated with Lanczos's window of radius 5,
    its border values continued.

    Returns:
        The moved picture (H, W), 0 where it was not wholly covered; and the rows and columns where it was.
    """
    moved = np.zeros_like(picture)
    target: list[slice] = []
    source: list[slice] = []
    for axis, (amount, length) in enumerate(zip(shift, picture.shape, strict=True)):
        whole = round(amount)
        picture = _interpolate(picture, amount - whole, axis)
        first, last = max(0, int(np.ceil(amount))), min(length, length + int(np.floor(amount)))
        target.append(slice(first, last))
        source.append(slice(first - whole, last - whole))
    covered = (target[0], target[1])
    moved[covered] = picture[source[0], source[1]]
    return moved, covered


def _interpolate(picture: Plane, fraction: float, axis: int) -> Plane:
    """The picture moved by at most half a pixel along one axis."""
    if fraction == 0:
        return picture
    taps = np.arange(-LANCZOS_RADIUS, LANCZOS_RADIUS + 1)
    away = taps + fraction
    weights = np.where(abs(away) < LANCZOS_RADIUS, np.sinc(away) * np.sinc(away / LANCZOS_RADIUS), 0)
    weights /= weights.sum()  # or flat areas would change
    length = picture.shape[axis]
    padding = [(0, 0), (0, 0)]
    padding[axis] = (LANCZOS_RADIUS, LANCZOS_RADIUS)
    lines = np.moveaxis(np.pad(picture, padding, "edge"), axis, 0)
    result = np.zeros_like(lines[:length])
    for tap, weight in zip(taps, weights, strict=True):
        result += weight * lines[LANCZOS_RADIUS + tap :][:length]
    return np.moveaxis(result, 0, axis)
