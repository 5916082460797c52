"""What several tests need."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from deblurcli.networks.srn.network import SRN, SRNConfig


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference inputs and outputs: $DEBLUR_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("DEBLUR_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "oracle" / "make_checkpoint.py").is_file():
        pytest.skip(f"no reference data in {folder}; set DEBLUR_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def maxim_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the TensorFlow.js model with the MAXIM authors' weights, fetched once for all processes."""
    script = Path(__file__).resolve().parents[1] / "scripts" / "maxim-weights"
    with FileLock(tmp_path_factory.getbasetemp().parent / "maxim-weights.lock"):
        done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip(f"no MAXIM weights: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser saves files."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    """Chromium, as Selenium drives it; skipped without one."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    from browser import open_browser

    yield from open_browser(tmp_path_factory.mktemp("browser"), downloads)


@pytest.fixture(scope="session")
def make_network() -> Callable[..., SRN]:
    """(config, seed, last) -> a network with random weights of He's size, `last` times that in its last convolution."""

    def make(config: SRNConfig, seed: int = 0, last: float = 1.0) -> SRN:
        network = SRN(config).eval().requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in network.named_parameters():
            size = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim == 4 else 0.1
            if name.endswith("conv2.weight") and config.block == "residual":
                size *= 0.3  # or every block would double the values, and with them the rounding errors
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * size)
        network.dec1[-1].weight *= last  # type: ignore[assignment]
        network.dec1[-1].bias *= last  # type: ignore[assignment]
        return network

    return make


@pytest.fixture
def one_thread() -> Iterator[None]:
    """On tiny networks threads cost more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
