"""NAFNet's blocks in the compiled libraries, against the network itself."""

from __future__ import annotations

import copy

import pytest
import torch
from exactness import psnr, relative
from image_in_memory import Memory, joined

from deblurcli.native import library
from deblurcli.networks.nafnet.native_blocks import NativeBlocks, OwnBlocks, blocks_for, restored
from deblurcli.networks.nafnet.network import NAFNetConfig
from deblurcli.networks.nafnet.sweep import restore
from deblurcli.tiling.budget import PixelBudget

CONFIG = NAFNetConfig(32, (1, 2), 1, (1, 1))


@pytest.fixture(params=[name for name in library.NEEDS if name in library.compiled()])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library in turn, which is the one that is taken."""
    of_bf16 = {half: plain for plain, half in library.BF16.items()}
    missing = library.NEEDS[request.param] - library.processor_features()
    if missing:
        pytest.skip(f"this processor has no {', '.join(missing)}")
    monkeypatch.setenv(library.VARIABLE, of_bf16.get(request.param, request.param))
    return str(request.param)


@torch.inference_mode()
def test_the_network_is_the_same(make_nafnet, name: str) -> None:
    torch.manual_seed(0)
    network, half = make_nafnet(CONFIG), name in library.BF16.values()
    blocks = blocks_for(network.bfloat16() if half else network)
    assert isinstance(blocks, NativeBlocks) and blocks.name == name
    for shape in ((1, 3, 4, 4), (2, 3, 12, 36), (1, 3, 36, 2112)):  # the last in bands, one of a single row
        image = torch.rand(shape)
        wanted = copy.deepcopy(network).double()(image.double())[-1]
        assert psnr(restored(network, blocks, image)[-1], wanted) > (40 if half else 110)


@pytest.mark.parametrize("window", [0, 24])
@torch.inference_mode()
def test_tiles_make_the_whole(make_nafnet, window: int) -> None:
    torch.manual_seed(0)
    network = make_nafnet(NAFNetConfig(32, (1, 1), 1, (1, 1), window=window))
    image = torch.rand(2, 3, 48, 80)
    for pixels in (48 * 80, 600):
        found = joined(restore, network, Memory(image), PixelBudget(pixels))
        assert relative(found, network(image)[-1]) < 1e-5, pixels


@torch.inference_mode()
def test_what_does_not_fit_runs_in_torch(make_nafnet, monkeypatch) -> None:
    assert isinstance(blocks_for(make_nafnet(NAFNetConfig(6, (1,), 1, (1,)))), OwnBlocks)
    monkeypatch.setenv(library.VARIABLE, "torch")
    assert isinstance(blocks_for(make_nafnet(CONFIG)), OwnBlocks)
