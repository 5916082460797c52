"""How long a run should take, from a sample that is restored and not written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.errors import DeblurError
from deblurcli.images.size import pixels_of
from deblurcli.jobs.process import fetch, load
from deblurcli.jobs.task import Task

if TYPE_CHECKING:
    import numpy as np

    from deblurcli.restore.deblurrer import Deblurrer

SAMPLE_SIDE = 1024
TRIES = 10  # photos, until one can be read


@dataclass(frozen=True)
class Estimate:
    """What was measured, and what follows from it.

    Attributes:
        pixels: of all photos that tell their size.
        unknown: how many do not.
        sample: (width, height) of what was restored.
        per_second: pixels, on all devices together.
        seconds: for all photos.
    """

    pixels: int
    unknown: int
    sample: tuple[int, int]
    per_second: float
    seconds: float


def estimate(tasks: Sequence[Task], deblurrers: Sequence[Deblurrer], strength: float) -> Estimate | None:
    """Restore the middle of the first readable photo; None if none of the first ones is."""
    from deblurcli.restore.timing import seconds_for

    sizes = [pixels_of(task.source) if isinstance(task.source, Path) else None for task in tasks]
    pixels, unknown = sum(size or 0 for size in sizes), sum(size is None for size in sizes)
    sample = next((found for task in tasks[:TRIES] if (found := middle_of(task)) is not None), None)
    if sample is None:
        return None
    height, width = sample.shape[:2]
    # One after the other: engines on the CPU would share its cores, and count as the one that has them all.
    seconds = [seconds_for(deblurrer, sample, strength) for deblurrer in deblurrers]
    on_cpu = [taken for taken, deblurrer in zip(seconds, deblurrers, strict=True) if deblurrer.device.type == "cpu"]
    elsewhere = [taken for taken, deblurrer in zip(seconds, deblurrers, strict=True) if deblurrer.device.type != "cpu"]
    per_second = sum(width * height / taken for taken in elsewhere + on_cpu[:1])
    return Estimate(pixels, unknown, (width, height), per_second, pixels / per_second)


def middle_of(task: Task) -> np.ndarray | None:
    try:
        pixels = load(fetch(task)).photo.pixels
    except DeblurError:
        return None
    top, left = (max((length - SAMPLE_SIDE) // 2, 0) for length in pixels.shape[:2])
    return pixels[top : top + SAMPLE_SIDE, left : left + SAMPLE_SIDE]
