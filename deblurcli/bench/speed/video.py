"""How many frames a second a video takes, from file to file, beside the network alone."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deblurcli.bench.speed.hardware import seconds_of
from deblurcli.bench.speed.sample import sample_picture
from deblurcli.bench.speed.timing import Case
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.restore.device import device_name
from deblurcli.video.extra import require

_STEP = 4  # pixels by which the picture moves from frame to frame
_RATE = 25


@dataclass(frozen=True)
class VideoSpeed:
    """One model on one device: frames a second of the network alone, and from an H.264 file to an H.264 file."""

    case: Case
    device: str
    precision: str
    network: float
    file: float


def measure_video(cases: Sequence[Case], frames: int) -> list[VideoSpeed]:
    """Restore a clip of so many frames once for each case, after one frame to warm up.

    Raises:
        InputError: if the packages that videos need are missing.
        DeblurError: if a model cannot be loaded or a clip not restored.
    """
    require("--video")
    from deblurcli.video.plan import VideoOptions, plan_video
    from deblurcli.video.run import restore_video

    rows = []
    with tempfile.TemporaryDirectory(prefix="deblur-bench-") as folder:
        for case in cases:
            deblurrer = Deblurrer(case.model, case.device, case.precision)
            pictures = _pictures(case.width, case.height, frames)
            source, target = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
            write_clip(source, pictures)
            deblurrer.restore(pictures[0])
            network = seconds_of(lambda: [deblurrer.restore(one) for one in pictures], deblurrer.device)  # noqa: B023
            options = VideoOptions(overwrite=True)

            def whole() -> None:
                restore_video(plan_video(source, target, options), deblurrer, "", options)  # noqa: B023

            file = seconds_of(whole, deblurrer.device)
            device = device_name(deblurrer.device)
            rows.append(VideoSpeed(case, device, deblurrer.precision, frames / network, frames / file))
    return rows


def write_clip(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Write pictures, (H, W, 3) uint8 RGB, as an H.264 file."""
    import imageio.v3 as iio

    with iio.imopen(path, "w", plugin="pyav") as file:
        file.init_video_stream("libx264", fps=_RATE)
        for picture in pictures:
            file.write_frame(picture)


def _pictures(width: int, height: int, frames: int) -> list[np.ndarray]:
    wide = sample_picture(width + _STEP * frames, height)
    return [np.ascontiguousarray(wide[:, _STEP * at : _STEP * at + width]) for at in range(frames)]
