"""A checkpoint that is small, quick, and no use to anyone but tests."""

from dataclasses import asdict
from pathlib import Path

import torch

from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn.initialise import he
from deblurcli.networks.srn.network import SRN, SRNConfig

SMALL = SRNConfig(channels=(4, 6, 8), kernel_size=3, resize="area", global_residual=True)


def save_small(path: Path, name: str = "small", brightness: float = 0.0) -> Path:
    """Random weights that change a picture a little, plus `brightness` everywhere."""
    torch.manual_seed(0)
    network = SRN(SMALL)
    he(network)
    with torch.no_grad():
        network.dec1[-1].weight.normal_(std=0.02)
        network.dec1[-1].bias.fill_(brightness)
    save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(SMALL), name, licence="test"))
    return path
