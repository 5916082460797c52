"""How much what a network adds changes from frame to frame, and what damping it brings and costs.

Clips for each model. "still": a blurry picture shown again and again with fresh noise, as a camera on a tripod would
show it. "moving": windows over the sharp picture, each a step of so many pixels further, blurred along the way, with
fresh noise. "both": a moving part before a still ground. "coded": the still one after H.264, which keeps the noise of
a key frame until the next. Printed are by how many 8-bit levels the source changes from frame to frame (mean absolute
difference), what the network adds, and the result, as the frames come out one by one and damped; then the PSNR of
either against the sharp picture. Of the still clip also the change from the last frame of a group of pictures to the
first of the next, and of the coded one that to its second key frame.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from PIL import Image

from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.video.flicker import WARM_UP, Damping

STEPS = (0.25, 1, 4)  # pixels from frame to frame
BLUR = 9  # pixels
Clip = tuple[list[np.ndarray], list[np.ndarray]]  # frames with blur and noise, sharp frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("blurry", type=Path)
    parser.add_argument("sharp", type=Path, help="the same picture")
    parser.add_argument("--model", action="append", default=None)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--noise", type=float, default=1.5, help="standard deviation in levels")
    parser.add_argument("--size", type=int, default=128, help="of the square in the middle that is taken")
    wanted = parser.parse_args()
    clips = clips_of(pixels_of(wanted.blurry), pixels_of(wanted.sharp), wanted.size, wanted.frames, wanted.noise)
    print("model       clip         source  added  result  damped    dB   damped")
    for model in wanted.model or ["maxim-fast", "srn-fast", "srn"]:
        deblur = Deblurrer(model)
        for name, (frames, sharp) in clips.items():
            results = [deblur.restore(frame).pixels for frame in frames]
            added = [result.astype(int) - frame for result, frame in zip(results, frames, strict=True)]
            calm = damped(frames, results)
            changed = [changes(one) for one in (frames, added, results, calm)]
            row = f"{model:11} {name:12}" + "".join(f"{value:7.2f}" for value in changed)
            print(f"{row}  {psnr(results, sharp):6.2f}  {psnr(calm, sharp):6.2f}", flush=True)
            if name == "still":
                half = len(frames) // 2
                groups = [damped(frames[part], results[part]) for part in (slice(half), slice(half, None))]
                again = changes([groups[0][-1], groups[1][0]])
                print(f"            from one group of pictures to the next: {again:.2f}")
            if name == "coded":
                half = len(frames) // 2
                key = [changes(one[half - 1 : half + 1]) for one in (frames, added, results, calm)]
                print(f"{'  at its key frame':24}" + "".join(f"{value:7.2f}" for value in key))


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(np.float64)


def clips_of(blurry: np.ndarray, sharp: np.ndarray, size: int, count: int, noise: float) -> dict[str, Clip]:
    """The clips by their names."""
    generator = np.random.default_rng(0)

    def noisy(picture: np.ndarray) -> np.ndarray:
        return np.rint(picture + generator.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)

    top, left = ((side - size) // 2 for side in sharp.shape[:2])
    ground, truth = (picture[top : top + size, left : left + size] for picture in (blurry, sharp))
    clips: dict[str, Clip] = {"still": ([noisy(ground) for _ in range(count)], [truth] * count)}
    for step in STEPS:
        places = [(left + step * number, top + 0.3 * step * number) for number in range(count)]
        windows = [window(sharp, x, y, size) for x, y in places]
        clips[f"moving {step}"] = ([noisy(swept(sharp, x, y, size)) for x, y in places], windows)
    part = np.s_[size // 3 : size * 2 // 3, size // 3 : size * 2 // 3]
    frames, moving = clips["moving 1"]
    mixed = ([noisy(ground) for _ in frames], [truth.copy() for _ in frames])
    for pictures, inner in zip(mixed, (frames, moving), strict=True):
        for picture, other in zip(pictures, inner, strict=True):
            picture[part] = other[part]
    clips["both"] = mixed
    clips["coded"] = (coded(clips["still"][0]), clips["still"][1])
    return clips


def coded(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames after H.264 with a key frame in the middle."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "clip.mp4")
        with av.open(path, "w") as file:
            options = {"crf": "18", "g": str(len(frames) // 2), "sc_threshold": "0", "x264-params": "threads=1"}
            stream = file.add_stream("libx264", rate=25, options=options)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            file.mux(stream.encode(None))
        with av.open(path) as file:
            return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def swept(picture: np.ndarray, x: float, y: float, size: int) -> np.ndarray:
    """A window that moves while the shutter is open; the mean is taken of light."""
    steps = np.linspace(-BLUR / 2, BLUR / 2, 2 * BLUR - 1)
    light = sum(window(picture, x + 0.8 * step, y + 0.5 * step, size) ** 2.2 for step in steps)
    mean: np.ndarray = (light / len(steps)) ** (1 / 2.2)
    return mean


def window(picture: np.ndarray, x: float, y: float, size: int) -> np.ndarray:
    """A square with its upper left corner between pixels, linearly interpolated."""
    column, row = int(x), int(y)
    part = picture[row : row + size + 1, column : column + size + 1]
    part = part[:-1] * (1 - y + row) + part[1:] * (y - row)
    return part[:, :-1] * (1 - x + column) + part[:, 1:] * (x - column)


def damped(frames: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> list[np.ndarray]:
    damping = Damping(255)
    pairs = list(zip(frames, results, strict=True))
    damping.begin(pairs[:WARM_UP])
    return [found for pair in pairs if (found := damping.damped(pair)) is not None]


def changes(frames: Sequence[np.ndarray]) -> float:
    """Mean absolute difference between neighbours."""
    return float(np.mean([np.abs(one.astype(int) - other.astype(int)).mean() for one, other in pairwise(frames)]))


def psnr(frames: Sequence[np.ndarray], sharp: Sequence[np.ndarray]) -> float:
    errors = [np.mean((one - other) ** 2) for one, other in zip(frames, sharp, strict=True)]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors]))


if __name__ == "__main__":
    main()
