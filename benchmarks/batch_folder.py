"""What the benchmarks of folders share: a tiny model, photos, and `deblur` in a process that loads torch only once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import asdict
from multiprocessing.context import ForkProcess
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn.network import SRN, SRNConfig

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, resize="area", global_residual=True)


def save_model(path: Path) -> Path:
    """A checkpoint that changes a picture a little and costs next to nothing."""
    torch.manual_seed(0)
    network = SRN(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.02)
    save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(TINY), "tiny", licence="test"))
    return path


def make_photos(folder: Path, count: int, width: int, height: int, suffixes: tuple[str, ...] = (".jpg",)) -> None:
    """Pictures with some structure, each another, in ten subfolders."""
    y, x = np.mgrid[:height, :width]
    for index in range(count):
        shifted = (x + 7 * index) % width
        pixels = np.stack([shifted * 255 // width, y * 255 // height, (shifted // 8 + y // 8) % 2 * 200], -1)
        path = folder / f"{index % 10}" / f"photo {index:05}{suffixes[index % len(suffixes)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def start(arguments: list[str], log: Path) -> ForkProcess:
    """`deblur ARGUMENTS` in a process of its own, forked so that torch need not be loaded again."""

    def run() -> None:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.argv = ["deblur", *arguments]
        from deblurcli.cli import main

        main()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process
