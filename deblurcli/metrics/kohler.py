"""The scores of Koehler's camera-shake benchmark: a restored picture against all frames of its sharp trajectory.

Source: Koehler, Hirsch, Mohler, Schoelkopf, Harmeling, "Recording and Playback of Camera Shake", ECCV 2012, and the
evaluation code that its authors publish, whose definitions are followed here because every published figure is its:

- intensity scale: the least-squares one of the restored picture over all channels, before it is moved;
- shift: the peak of the circular cross-correlation of the means of the channels, in whole pixels;
- where the moved picture leaves the frame uncovered, both are set to 0; those pixels count like any other;
- both measures are of luma, 0.299 R + 0.587 G + 0.114 B, of the real numbers: nothing is rounded or clipped;
- PSNR has a peak of 255; "MSSIM" is the multi-scale SSIM of `ms_ssim`, not the mean of Wang's SSIM;
- PSNR and MSSIM are each the largest over the frames, which may be two different frames.

With `subpixel` the shift is found to a hundredth of a pixel, the picture is interpolated there, and the intensity
scale is fitted to the luma afterwards. Such figures are higher, and not those that papers print.

Ours are: of equal correlation peaks the shortest shift; a black picture is not scaled; black frames are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deblurcli.metrics.alignment import Plane, find_shift, move, refine_shift
from deblurcli.metrics.image_pair import require_image_pair
from deblurcli.metrics.ms_ssim import ms_ssim
from deblurcli.metrics.psnr import PEAK

LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class KohlerScore:
    """The best over the frames.

    Attributes:
        psnr: dB; infinity if a frame is met exactly.
        ssim: multi-scale SSIM of luma, which the benchmark calls MSSIM.
        frame: position of the frame with that PSNR, from 0.
    """

    psnr: float
    ssim: float
    frame: int


def kohler_scores(
    restored: NDArray[np.uint8], frames: Iterable[NDArray[np.uint8]], *, subpixel: bool = False
) -> KohlerScore:
    """Compare a restored picture with the frames of its trajectory, one frame in memory at a time.

    Args:
        restored: (H, W, 3) uint8, RGB, 0 to 255, both sides at least 161.
        frames: sharp pictures of the same shape, some 199. One that is black is passed over: it can only stand for a
            frame that is missing, as one of image 1, trajectory 3 is, and any picture would match it after scaling.
        subpixel: align more closely than the authors do; see above.

    Raises:
        ValueError: if there is no frame, a shape differs, a type is not uint8, or the pictures are too small.
    """
    require_image_pair(restored, restored)
    if restored.ndim != 3:
        raise ValueError(f"expected a restored image (H, W, 3), got {restored.shape}")
    restored_luma = restored @ LUMA
    spectrum = np.fft.rfft2(restored.mean(2))
    energy = _inner(restored, restored)
    psnr, ssim, best = -math.inf, -math.inf, -1
    for index, frame in enumerate(frames):
        require_image_pair(restored, frame)
        if not frame.any():
            continue
        luma = frame @ LUMA
        whole = find_shift(frame.mean(2), spectrum)
        moved, covered = move(restored_luma, refine_shift(luma, restored_luma, whole) if subpixel else whole)
        target = np.zeros_like(moved)
        target[covered] = luma[covered]
        if subpixel:
            moved *= _ratio(float(np.vdot(target, moved)), float(np.vdot(moved, moved)))
        else:
            moved *= _ratio(_inner(frame, restored), energy)
        found = _psnr(target, moved)
        if found > psnr:
            psnr, best = found, index
        ssim = max(ssim, ms_ssim(target, moved))
    if best < 0:
        raise ValueError("expected at least one frame that is not black")
    return KohlerScore(psnr, ssim, best)


def _inner(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.vdot(a.astype(np.float64), b.astype(np.float64)))


def _ratio(product: float, energy: float) -> float:
    return product / energy if energy else 1.0


def _psnr(a: Plane, b: Plane) -> float:
    error = float(np.square(a - b).mean())
    return 10 * math.log10(PEAK**2 / error) if error else math.inf
