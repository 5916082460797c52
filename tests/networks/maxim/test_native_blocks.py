"""MAXIM in the compiled library gives what the network gives."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from exactness import psnr
from random_maxim import network_of
from torch import Tensor

from deblurcli.images.read import read_photo
from deblurcli.models.load import load_network
from deblurcli.networks.maxim import ARCHITECTURE, inference
from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.native_blocks import native_blocks
from deblurcli.networks.maxim.network import MAXIMConfig

PHOTO = Path(__file__).resolve().parents[3] / "samples" / "astronaut.jpg"
SMALL = MAXIMConfig(features=32, sizes=(4, 2, 4), groups=1, bottleneck_blocks=1, stages=2)

pytestmark = pytest.mark.usefixtures("native", "one_thread")


def photo() -> Tensor:
    """The middle of a photograph, (1, 3, 192, 256) in [0, 1]."""
    pixels = torch.from_numpy(read_photo(PHOTO).pixels[160:352, 128:384].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def of_white(result: Tensor, wanted: Tensor) -> float:
    """PSNR in dB."""
    return float(-10 * torch.log10((result - wanted).double().square().mean()))


@pytest.mark.parametrize("stages", [1, 2])
@torch.inference_mode()
def test_it_is_the_networks_own_result(stages: int) -> None:
    config = replace(SMALL, stages=stages)
    network, multiple = network_of(config), config.size_multiple
    assert native_blocks(network) is not None
    for n, down, across in ((1, 1, 1), (2, 3, 4), (1, 1, 5)):
        x = torch.rand(n, 3, down * multiple, across * multiple)
        given = x.clone()
        for result, wanted in zip(pictures(network, x), network(x), strict=True):
            assert result.dtype == torch.float32
            assert psnr(result - x, wanted - x) > 100, (n, down, across)
        assert torch.equal(x, given)


@torch.inference_mode()
def test_the_shipped_network_on_a_photo() -> None:
    network, x = load_network("maxim-fast"), photo()
    assert ARCHITECTURE.runs_natively(network)
    assert of_white(pictures(network, x)[-1], network(x)[-1]) > 110


@torch.inference_mode()
def test_the_shipped_network_on_a_photo_in_bfloat16(half: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 52 dB from float32, and no farther from it than PyTorch's bfloat16 is."""
    network, x = load_network("maxim-fast"), photo()
    wanted = network(x)[-1]
    network.to(half)
    assert native_blocks(network) is not None
    result = of_white(pictures(network, x)[-1], wanted)
    monkeypatch.setattr(inference, "native_blocks", lambda network: None)
    assert result > max(52, of_white(pictures(network, x)[-1], wanted) - 1)


@torch.inference_mode()
def test_threads_change_the_products_of_torch_alone() -> None:
    network, x = network_of(SMALL), torch.rand(1, 3, 96, 128)
    one = pictures(network, x)[-1]
    torch.set_num_threads(2)
    assert psnr(pictures(network, x)[-1], one) > 110


def test_changed_weights_are_noticed() -> None:
    network, x = network_of(replace(SMALL, stages=1)), torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        pictures(network, x)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 1.1
    with torch.inference_mode():
        assert psnr(pictures(network, x)[-1], network(x)[-1]) > 100


def test_what_does_not_fit_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(SMALL)
    assert ARCHITECTURE.runs_natively(network)
    assert not ARCHITECTURE.runs_natively(network_of(replace(SMALL, features=36)))
    assert native_blocks(copy.deepcopy(network).half()) is None
    assert native_blocks(copy.deepcopy(network).double()) is None
    assert native_blocks(network_of(replace(SMALL, sizes=(3, 2))).bfloat16()) is None
    monkeypatch.setenv("DEBLUR_ENGINE", "torch")
    assert native_blocks(network) is None and not ARCHITECTURE.runs_natively(network)
