"""Looking through a clip for the frames that are sharp already."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deblurcli.video.colour import Samples, planes_of
from deblurcli.video.frames import read_frames
from deblurcli.video.plan import VideoPlan
from deblurcli.video.sharpness import AROUND, Sharpness, compared, sharpness


def measure_frames(
    plan: VideoPlan, advance: Callable[[int], None] = lambda frames: None, stop: Callable[[], bool] = lambda: False
) -> list[Sharpness]:
    """The sharpness of every frame, by its luma, or green where there is none. Decodes all of them.

    Args:
        plan: of the video.
        advance: told how many are measured.
        stop: asked after each whether to end; what was measured until then comes back.
    """
    samples = Samples(plan.clip.pixel_format, plan.colour)

    def measured() -> Iterator[tuple[int, float]]:
        for count, (time, frame) in enumerate(read_frames(plan.clip, plan.span), 1):
            yield time, sharpness(planes_of(samples.planar(frame), samples.dtype)[0])
            advance(count)
            if stop():
                return

    return compared(measured(), AROUND / float(plan.clip.time_base))
