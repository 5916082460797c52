"""NAFNets with random weights, and what tests of the compiled library need."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from deblurcli.native import library
from deblurcli.networks.nafnet.network import NAFNet, NAFNetConfig


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled library as it is chosen by itself; skips where there is none."""
    monkeypatch.delenv("DEBLUR_ENGINE", raising=False)
    if library.choose_backend().name == "torch":
        pytest.skip("no native code here")


@pytest.fixture
def half() -> torch.dtype:
    """bfloat16, where there is native code for it."""
    if library.choose_backend("bf16").name == "torch":
        pytest.skip("no native code for bfloat16 here")
    return torch.bfloat16


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
