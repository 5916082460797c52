"""A small model to publish."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn.initialise import he
from deblurcli.networks.srn.network import SRN, SRNConfig
from deblurcli.publish.upload import prepare

SMALL = SRNConfig(channels=(4, 6, 8), kernel_size=3, resize="area", global_residual=True)


@pytest.fixture
def small(tmp_path):
    """small(licence, training) -> a checkpoint with random weights."""

    def make(licence="CC BY-SA 4.0", **training) -> Path:
        torch.manual_seed(0)
        network = SRN(SMALL)
        he(network)
        path = tmp_path / "run" / "small.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_checkpoint(
            path, network.state_dict(), ModelInfo("srn", asdict(SMALL), "small", licence=licence, training=training)
        )
        return path

    return make


@pytest.fixture
def folder(tmp_path, small):
    """A folder that is ready for uploading."""
    prepare(small(), None, tmp_path / "folder")
    return tmp_path / "folder"
