"""How much what a network adds changes from frame to frame, on a still scene.

A picture is shown again and again with fresh noise, as a camera on a tripod would show it. For each model: by how many
8-bit levels the input changes from frame to frame (mean absolute difference), by how many the result does, and the
difference that the network adds. What is above the input's own is flicker.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
from PIL import Image

from deblurcli.restore.deblurrer import Deblurrer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", help="a blurry picture")
    parser.add_argument("--model", action="append", default=None)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--noise", type=float, default=1.5, help="standard deviation in levels")
    parser.add_argument("--size", type=int, default=256, help="of the square in the middle that is taken")
    arguments = parser.parse_args()
    image = np.asarray(Image.open(arguments.picture).convert("RGB")).astype(float)
    top, left = ((side - arguments.size) // 2 for side in image.shape[:2])
    scene = image[top : top + arguments.size, left : left + arguments.size]
    generator = np.random.default_rng(0)
    frames = [
        np.rint(scene + generator.normal(0, arguments.noise, scene.shape)).clip(0, 255).astype(np.uint8)
        for _ in range(arguments.frames)
    ]
    print("model       input  result  added")
    for model in arguments.model or ["maxim-fast", "srn-fast", "srn"]:
        deblur = Deblurrer(model)
        results = [deblur.restore(frame).pixels for frame in frames]
        added = [result.astype(int) - frame for result, frame in zip(results, frames, strict=True)]
        print(f"{model:10} {changes(frames):6.2f} {changes(results):7.2f} {changes(added):6.2f}", flush=True)


def changes(frames: list[np.ndarray]) -> float:
    """Mean absolute difference between neighbours."""
    pairs = pairwise(frames)
    return float(np.mean([np.abs(one.astype(int) - other.astype(int)).mean() for one, other in pairs]))


if __name__ == "__main__":
    main()
