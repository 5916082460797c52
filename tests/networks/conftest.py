"""NAFNets with random weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from deblurcli.networks.nafnet.network import NAFNet, NAFNetConfig


@pytest.fixture(scope="session")
def make_nafnet() -> Callable[..., NAFNet]:
    """(config, seed) -> a network in which every weight matters: sums keep their size, no scale is zero."""

    def make(config: NAFNetConfig, seed: int = 0) -> NAFNet:
        network = NAFNet(config).eval().requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in network.named_parameters():
            scale = parameter.ndim == 4 and parameter.shape[0] == 1  # beta, gamma
            size = 0.3 if scale or parameter.ndim == 1 else parameter[0].numel() ** -0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * size)
            if name.endswith(("norm1.weight", "norm2.weight", "sca.1.bias")):
                parameter += 1
        return network

    return make
