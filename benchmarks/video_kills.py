"""Runs of a video that are killed at random moments, and go on: the result against that of an undisturbed run."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from deblurcli.bench.speed.video import write_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--model", default="srn-fast")
    arguments = parser.parse_args()
    chance = random.Random(0)
    still = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "clip.mp4", [np.roll(still, at, 1) for at in range(arguments.frames)])
        command = [sys.executable, "-m", "deblurcli", str(folder / "clip.mp4"), "--model", arguments.model, "--resume"]
        started = time.perf_counter()
        subprocess.run([*command, "-o", str(folder / "whole.mp4")], check=True, capture_output=True)
        seconds = time.perf_counter() - started
        target, killed = folder / "killed.mp4", 0
        while True:
            process = subprocess.Popen([*command, "-o", str(target)], stderr=subprocess.PIPE, text=True)
            try:
                limit = chance.uniform(0.3, 0.9) * seconds if killed < arguments.kills else None
                process.communicate(timeout=limit)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
                parts = len(list(folder.glob(".deblur-killed.mp4.parts/*.segment")))
                state = "there is a file" if target.exists() else "no file"
                print(f"kill {killed}: {parts} groups of pictures kept, {state} under the final name", flush=True)
        same = target.read_bytes() == (folder / "whole.mp4").read_bytes()
        left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
        print(
            f"after {killed} kills the file is {'the same, byte for byte' if same else 'ANOTHER'}; left behind: {left}"
        )


if __name__ == "__main__":
    main()
