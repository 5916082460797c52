"""How sharp the frames of a clip are, and which of them are left as they are.

The measure is one less the blur effect of Crete et al. (The blur effect: perception and estimation with a new
no-reference perceptual blur metric, HVEI 2007): how much of the differences between neighbouring pixels a box of 11
pixels takes away. It does not depend on contrast, but on what is to be seen, so a frame is compared with those around
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_BOX = 11


def sharpness(luma: np.ndarray) -> float:
    """Of (H, W) samples, 0 (nothing would change by blurring it) to 1; the less sharp of the two directions."""
    values = luma.astype(np.float32)
    return min(_along_rows(values), _along_rows(np.ascontiguousarray(values.T)))


def _along_rows(values: np.ndarray) -> float:
    padded = np.pad(values, ((0, 0), (_BOX // 2 + 1, _BOX // 2)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    smooth = ((sums[:, _BOX:] - sums[:, :-_BOX]) / _BOX).astype(np.float32)
    steps, left = np.abs(np.diff(values)), np.abs(np.diff(smooth))
    total = float(steps.sum())
    return float(np.maximum(steps - left, 0).sum()) / total if total else 0.0


#: A frame is left as it is that is this share as sharp as the sharpest within `AROUND` seconds ...
ALIKE = 0.92
AROUND = 1.0
#: ... and at least so sharp in itself, so that a clip which is blurred throughout is not left.
LEAST = 0.60


@dataclass(frozen=True)
class Sharpness:
    """What was measured of a frame.

    Attributes:
        time: of the frame, in the clip's time base.
        value: see `sharpness`.
        best: the highest of the frames around it, its own included.
    """

    time: int
    value: float
    best: float

    @property
    def is_sharp(self) -> bool:
        return self.value >= max(ALIKE * self.best, LEAST)


def compared(measured: Iterable[tuple[int, float]], around: float) -> list[Sharpness]:
    """(time, sharpness) of frames in order -> each with the best among those at most `around` away."""
    frames = list(measured)
    result = []
    first = 0
    for time, value in frames:
        while frames[first][0] < time - around:
            first += 1
        best = value
        for other, its in frames[first:]:
            if other > time + around:
                break
            best = max(best, its)
        result.append(Sharpness(time, value, best))
    return result
