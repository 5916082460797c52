"""How long a model takes on this machine, for those who want to know beforehand."""

from __future__ import annotations

import time

import numpy as np

from deblurcli.restore.deblurrer import Deblurrer


def seconds_for(deblurrer: Deblurrer, pixels: np.ndarray, strength: float = 1.0) -> float:
    """Seconds for a picture, the second time: the first one also warms up."""
    deblurrer.restore(pixels, strength)
    started = time.perf_counter()
    deblurrer.restore(pixels, strength)
    return max(time.perf_counter() - started, 1e-6)
