"""The multi-task CNN with a spatially variant RNN beside the shipped srn-fast, from pixels to pixels in memory.

    python benchmarks/mtcnn.py --size 1280x720 --threads 2 --rounds 3

Its weights are random; time does not depend on them. Rounds are interleaved in one process; times and ratios, to
srn-fast in float32, are medians with the least and the most. With one thread they are processor seconds, else those of
a clock.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deblurcli.models.load import load_model
from deblurcli.networks import architecture, build_network
from deblurcli.tiling.budget import PixelBudget

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "srn-fast.safetensors"


@dataclass
class Memory:
    """An image (1, 3, H, W) as a source of tiles."""

    image: Tensor

    def __post_init__(self) -> None:
        self.height, self.width = self.image.shape[2:]

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        return self.image[:, :, top:bottom, left:right]


def restore(name: str, network: Any, image: Tensor, engine: str) -> None:
    os.environ["DEBLUR_ENGINE"] = engine
    entry = architecture(name)
    entry.run(network, Memory(image), lambda *tile: None, PixelBudget(entry.cpu_pixels), lambda share: None)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to multiples of 16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", action="store_true", help="also without the compiled library")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    width, height = (side + -side % 16 for side in map(int, options.size.split("x")))
    image = torch.rand(1, 3, height, width)
    srn, mtcnn = load_model(WEIGHTS)[0].eval(), build_network("mt-cnn", {}).eval().requires_grad_(False)
    ways: dict[str, tuple[str, Any, str]] = {
        "srn-fast fp32": ("srn", srn, "auto"),
        "mt-cnn fp32": ("mt-cnn", mtcnn, "auto"),
        "srn-fast bf16": ("srn", copy.deepcopy(srn).bfloat16(), "auto"),
        "mt-cnn bf16": ("mt-cnn", copy.deepcopy(mtcnn).bfloat16(), "auto"),
    }
    if options.torch:
        ways["mt-cnn fp32, PyTorch"] = "mt-cnn", mtcnn, "torch"
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for name, network, engine in ways.values():  # the first time weights are packed
        restore(name, network, image[:, :, :64, :64], engine)
    for _ in range(options.rounds):
        for way, (name, network, engine) in ways.items():
            start = clock()
            restore(name, network, image, engine)
            seconds[way].append(clock() - start)
    print(f"{width}x{height}, threads: {options.threads}, rounds: {options.rounds}")
    for way, times in seconds.items():
        ratios = [each / base for each, base in zip(times, seconds["srn-fast fp32"], strict=True)]
        print(f"{way:22}{spread(times)} s  x{spread(ratios)}")


if __name__ == "__main__":
    main()
