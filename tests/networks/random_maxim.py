"""MAXIMs with random weights."""

from __future__ import annotations

import torch

from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig


def network_of(config: MAXIMConfig) -> MAXIM:
    """Random weights of which every one matters: those of norms and all biases are not what they are built with."""
    torch.manual_seed(0)
    network = MAXIM(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter += 0.2 * torch.randn_like(parameter)
    return network
