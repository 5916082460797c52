"""How long a photo takes here, roughly: one small picture through a model."""

from __future__ import annotations

import time

from deblurcli.bench.speed.sample import sample_picture
from deblurcli.restore.deblurrer import Deblurrer

SIDE = 512  # as large as the windows of networks that take photos in windows


def seconds_per_megapixel(deblurrer: Deblurrer) -> float:
    """Seconds for a million pixels, from a picture of 512x512 that is restored twice: the first time warms up."""
    picture = sample_picture(SIDE, SIDE)
    deblurrer.restore(picture)
    started = time.perf_counter()
    deblurrer.restore(picture)
    return (time.perf_counter() - started) * 1e6 / (SIDE * SIDE)
