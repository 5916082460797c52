from __future__ import annotations

import numpy as np
import pytest
import torch
from exactness import psnr, relative
from image_in_memory import Memory, joined

from deblurcli.models.load import load_network
from deblurcli.native import library
from deblurcli.networks.srn import streaming
from deblurcli.networks.srn.native_scale import native_scale
from deblurcli.networks.srn.network import SRN, SRNConfig
from deblurcli.tiling.budget import PixelBudget

pytestmark = pytest.mark.usefixtures("native")

CONFIGS = {
    "lstm, 3": SRNConfig(kernel_size=3, blocks=1, resize="area", global_residual=True),
    "released lstm": SRNConfig(blocks=1, image_channels=1),
    "released color": SRNConfig(blocks=1, recurrence="none"),
    "rnn": SRNConfig(kernel_size=3, blocks=1, recurrence="rnn"),
    "plain, conv": SRNConfig(kernel_size=3, blocks=1, block="plain", recurrence="conv", scales=1),
}


def waves(height: int, width: int) -> torch.Tensor:
    """A picture (1, 3, height, width) in [0, 1]."""
    y, x = np.mgrid[:height, :width]
    colours = np.stack([np.sin(x / 5), np.cos(y / 7), np.sin((x + y) / 3)])
    return torch.from_numpy(colours / 2 + 0.5).float()[None]


def restore(network: SRN, image: torch.Tensor, pixels: int) -> torch.Tensor:
    return joined(streaming.restore, network, Memory(image), PixelBudget(pixels))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (208, 192), (32, 208)])
@torch.inference_mode()
def test_tiles_of_any_size_make_what_torch_makes(make_network, name, height, width):
    config = CONFIGS[name]
    network = make_network(config, seed=3)
    assert native_scale(network, lambda first, end: torch.empty(0), 8) is not None
    image = torch.rand(2, config.image_channels, height, width)
    wanted = network(image)[-1]
    for pixels in (1 << 20, 28 * width, 1):
        assert psnr(restore(network, image, pixels), wanted) > 100, pixels


@pytest.mark.parametrize(
    "config",
    [
        SRNConfig((32, 32, 32), 3, 1, structure="flat", recurrence="rnn", scales=2),
        SRNConfig((32, 32, 32), 3, 1, block="plain", structure="flat", recurrence="none", scales=1),
        SRNConfig((32, 32, 32), 3, 1, recurrence="conv", scales=2, shared=False),
    ],
    ids=["flat, rnn", "flat and plain", "nothing shared"],
)
@torch.inference_mode()
def test_other_structures_make_what_torch_makes(make_network, config):
    network, image = make_network(config, seed=3), torch.rand(1, 3, 104, 176)
    assert native_scale(network, lambda first, end: torch.empty(0), 8) is not None
    wanted = network(image)[-1]
    for pixels in (1 << 20, 28 * 176, 1):
        assert psnr(restore(network, image, pixels), wanted) > 100, pixels


@pytest.mark.parametrize("name", CONFIGS)
@torch.inference_mode()
def test_products_in_bfloat16_stay_close_to_float32(make_network, half, name):
    # Random weights make noise of a picture, which hides no error: PyTorch's bfloat16 is at 55 to 57 dB here.
    config = CONFIGS[name]
    network = make_network(config, seed=3)
    image = torch.rand(2, config.image_channels, 208, 192)
    wanted = network(image)[-1]
    assert psnr(restore(network.to(half), image, 1 << 20), wanted) > 35


@pytest.mark.parametrize("model", ["srn-fast", "srn"])
@torch.inference_mode()
def test_products_in_bfloat16_are_good_enough_for_the_shipped_networks(half, model):
    network = load_network(model)
    image = waves(208, 192)
    wanted = network(image)[-1]
    error = (restore(network.to(half), image, 1 << 20) - wanted).double().square().mean()
    assert -10 * torch.log10(error) > 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_rows_may_be_cut_anywhere_without_changing_a_bit(make_network, dtype):
    network = make_network(CONFIGS["released lstm"], seed=3).to(dtype)
    image = torch.rand(1, 1, 448, 256)  # whose smallest scale is not too small for the native code
    whole = restore(network, image, 1 << 20)
    for rows in (8, 12, 52):
        assert torch.equal(restore(network, image, rows * 256), whole)


@torch.inference_mode()
def test_the_shipped_network_is_as_exact_as_it_can_be():
    network = load_network("srn-fast")
    image = waves(96, 160)
    wanted = network(image)[-1]
    error = (restore(network, image, 1 << 20) - wanted).double().square().mean()
    assert -10 * torch.log10(error) > 100


@torch.no_grad()
def test_changed_weights_are_noticed(make_network):
    network = make_network(CONFIGS["lstm, 3"], seed=3)
    image = torch.rand(1, 3, 32, 32)
    before = restore(network, image, 1 << 20)
    network.enc1[0].weight.mul_(0.5)
    after = restore(network, image, 1 << 20)
    assert relative(after, before) > 1e-3
    assert psnr(after, network(image)[-1]) > 100


@torch.inference_mode()
def test_what_does_not_fit_is_left_to_torch(make_network, monkeypatch):
    def old_state(first: int, end: int) -> torch.Tensor:
        raise AssertionError

    network = make_network(CONFIGS["lstm, 3"])
    assert native_scale(make_network(SRNConfig((4, 6, 8), 3, 1)), old_state, 8) is None
    assert native_scale(network.to(torch.float16), old_state, 8) is None
    monkeypatch.setenv("DEBLUR_ENGINE", "torch")
    for dtype in (torch.float32, torch.bfloat16):
        assert native_scale(network.to(dtype), old_state, 8) is None
    monkeypatch.delenv("DEBLUR_ENGINE")
    monkeypatch.setattr(library, "processor_features", lambda: frozenset({"avx2", "fma"}))
    assert native_scale(network.to(torch.bfloat16), old_state, 8) is None
