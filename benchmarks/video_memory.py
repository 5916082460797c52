"""Memory over a long clip of small frames: the pipeline's peak after a tenth of it and at its end."""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np

from deblurcli.bench.speed.video import write_clip
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.video.plan import VideoOptions, plan_video
from deblurcli.video.run import restore_video


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--model", default="srn-fast")
    parser.add_argument("--strength", type=float, default=1.0, help="0 leaves the network out")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    still = generator.integers(0, 255, (48, 64, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
        write_clip(source, [np.roll(still, at, 1) for at in range(arguments.frames)])
        options = VideoOptions(strength=arguments.strength)
        deblurrer = Deblurrer(arguments.model, "cpu")

        def advance(done: int) -> None:
            if done in (arguments.frames // 10, arguments.frames):
                print(f"{done:6,} frames: peak of {peak():,.0f} MiB", flush=True)

        restore_video(plan_video(source, target, options), deblurrer, "", options, advance=advance)
        print(f"joined:        peak of {peak():,.0f} MiB")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
