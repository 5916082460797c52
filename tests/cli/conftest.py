"""A command line to test: the real program in a process of its own, with a small model and small photos."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurcli.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn import SRN, SRNConfig
from deblurcli.training.loop import initialise

SMALL = SRNConfig(channels=(4, 6, 8), kernel_size=3, resize="area", global_residual=True)


def save_small(path: Path, name: str, brightness: float) -> Path:
    """A checkpoint with random weights that changes a picture a little, plus `brightness` everywhere."""
    torch.manual_seed(0)
    network = SRN(SMALL)
    initialise(network)
    with torch.no_grad():
        network.dec1[-1].weight.normal_(std=0.02)
        network.dec1[-1].bias.fill_(brightness)
    save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(SMALL), name, licence="test"))
    return path


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return save_small(tmp_path_factory.mktemp("model") / "small.safetensors", "small", 0.0)


@pytest.fixture(scope="session")
def broken_model(tmp_path_factory) -> Path:
    """A checkpoint whose results are far too bright."""
    return save_small(tmp_path_factory.mktemp("model") / "broken.safetensors", "broken", 0.7)


@pytest.fixture
def deblur(tmp_path):
    """Run `deblur ARGUMENTS` in `tmp_path`; returns the finished process with text output."""

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        options.setdefault("cwd", tmp_path)
        options.setdefault("text", True)
        command = [sys.executable, "-m", "deblurcli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, timeout=300, check=False, **options)

    return run


@pytest.fixture
def photo(tmp_path):
    """Make a small photo with some structure: photo(NAME, width, height) -> path."""

    def make(name="photo.jpg", width=70, height=50, **options) -> Path:
        y, x = np.mgrid[:height, :width]
        pixels = np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 200], -1).astype(np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return make
