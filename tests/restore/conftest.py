"""Networks with random weights, as checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn.network import SRN, SRNConfig

TINY = {"channels": (4, 6, 8), "kernel_size": 3, "blocks": 1, "global_residual": True, "resize": "area"}


@pytest.fixture
def make_checkpoint(make_network, tmp_path: Path) -> Callable[..., Path]:
    """(change, **config) -> a checkpoint of a network that alters its input a little, after `change(network)`."""

    def make(change: Callable[[SRN], object] = lambda network: None, **config: object) -> Path:
        network = make_network(SRNConfig(**{**TINY, **config}), last=0.05)
        change(network)
        path = tmp_path / "tiny.safetensors"
        save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(network.config), "tiny"))
        return path

    return make
