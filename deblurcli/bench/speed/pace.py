"""How long a photo takes here, roughly: one small picture through a model."""

from __future__ import annotations

from deblurcli.bench.speed.sample import sample_picture
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.restore.timing import seconds_for

SIDE = 512  # small enough to be quick, and large enough to be like a photo


def seconds_per_megapixel(deblurrer: Deblurrer) -> float:
    """Seconds for a million pixels, from a picture of 512x512 that is restored twice: the first time warms up."""
    return seconds_for(deblurrer, sample_picture(SIDE, SIDE)) * 1e6 / (SIDE * SIDE)
