"""An image in strips in the compiled library: the same bits as in one."""

from __future__ import annotations

import pytest
import torch
from exactness import psnr
from image_in_memory import Memory, joined

from deblurcli.networks.mtcnn import ARCHITECTURE
from deblurcli.networks.mtcnn.layers import NativeLayers, TorchLayers, layers_of
from deblurcli.networks.mtcnn.network import MultiTaskCNN, MultiTaskConfig
from deblurcli.tiling.budget import PixelBudget

HEIGHT, WIDTH = 120, 40


@pytest.fixture
def network() -> MultiTaskCNN:
    network = MultiTaskCNN(MultiTaskConfig(32, 32)).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return network


def restored(network: MultiTaskCNN, image: torch.Tensor, pixels: int) -> torch.Tensor:
    return joined(ARCHITECTURE.run, network, Memory(image), PixelBudget(pixels))


def picture(batch: int) -> torch.Tensor:
    return torch.rand(batch, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.usefixtures("native", "one_thread")
def test_strips_threads_and_company_change_no_bit(network: MultiTaskCNN):
    assert isinstance(layers_of(network), NativeLayers)
    images = picture(2)
    whole = restored(network, images, HEIGHT * WIDTH)
    for rows in (8, 24, 40, 56):
        assert torch.equal(restored(network, images, rows * WIDTH), whole), rows
    assert torch.equal(restored(network, images[1:], 24 * WIDTH), whole[1:])
    torch.set_num_threads(2)
    assert torch.equal(restored(network, images, 24 * WIDTH), whole)


@pytest.mark.usefixtures("native", "one_thread")
def test_bfloat16_is_near(network: MultiTaskCNN, half: torch.dtype):
    image = picture(1)
    wanted = restored(network, image, 24 * WIDTH)
    network.to(half)
    assert isinstance(layers_of(network), NativeLayers)
    assert psnr(restored(network, image, 24 * WIDTH), wanted) > 30


@pytest.mark.usefixtures("one_thread")
def test_what_the_library_has_no_layers_for_runs_in_pytorch(network: MultiTaskCNN, monkeypatch: pytest.MonkeyPatch):
    assert isinstance(layers_of(MultiTaskCNN(MultiTaskConfig(32, 32, "svrnn"))), TorchLayers)
    assert isinstance(layers_of(MultiTaskCNN(MultiTaskConfig(20, 32))), TorchLayers)
    assert isinstance(layers_of(network.half()), TorchLayers)
    monkeypatch.setenv("DEBLUR_ENGINE", "torch")
    assert isinstance(layers_of(network.float()), TorchLayers)
