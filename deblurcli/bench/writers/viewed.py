"""Which images a report shows, and what it needs of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from deblurcli.bench.results import BASELINE, Quality
from deblurcli.bench.writers.wording import gain

SHOWN = 7  # the best, the worst, and five between

Reason = Literal["best", "middle", "worst"]


@dataclass(frozen=True)
class Viewed:
    """One image in a report's viewer.

    Attributes:
        pair: its name.
        reason: why it is shown, by gain.
        method: that restored it.
        blurry, restored, truth: (H, W, 3) uint8 RGB, all of one size.
        psnr_before, psnr_after: dB of the whole image, not of the part that is shown.
    """

    pair: str
    reason: Reason
    method: str
    blurry: np.ndarray
    restored: np.ndarray
    truth: np.ndarray
    psnr_before: float
    psnr_after: float


def choose_viewed(quality: Quality, method: str) -> list[tuple[str, Reason]]:
    """Up to seven pairs from the best to the worst by gain, evenly spaced in rank, none of them twice."""
    psnr = {(score.pair, score.method): score.psnr for score in quality.scores}
    gains = {pair: gain(psnr[pair, BASELINE], value) for (pair, name), value in psnr.items() if name == method}
    ranked = sorted(gains, key=lambda pair: gains[pair], reverse=True)
    last = len(ranked) - 1
    ranks = sorted({round(step * last / (SHOWN - 1)) for step in range(SHOWN)}) if ranked else []
    return [(ranked[rank], "best" if rank == 0 else "worst" if rank == last else "middle") for rank in ranks]
