"""MAXIM a piece at a time gives what the network gives."""

from __future__ import annotations

import copy
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch
from exactness import psnr, relative
from random_maxim import network_of

from deblurcli.networks.maxim import pieces
from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.network import RELEASED, MAXIMConfig

pytestmark = pytest.mark.usefixtures("one_thread", "in_torch")

SMALL = MAXIMConfig(features=8, sizes=(4, 4, 2, 2), groups=2, bottleneck_blocks=1, stages=3)
CONFIGS = {
    "small": SMALL,
    "one stage": replace(SMALL, stages=1),
    "two levels": replace(SMALL, sizes=(2, 4, 4), groups=1, bottleneck_blocks=2, stages=2),
    "no power of two": replace(SMALL, sizes=(3, 2), stages=2),
    "grey": replace(SMALL, stages=1, image_channels=1),
}


@pytest.fixture
def in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the compiled library makes of it is tried in test_native_blocks.py."""
    monkeypatch.setenv("DEBLUR_ENGINE", "torch")


@pytest.fixture(params=[64, 4096, 1 << 30], ids=["small pieces", "larger pieces", "one piece"])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(pieces, "PIECE", request.param)
    monkeypatch.setattr(pieces, "CONVOLVED", request.param)
    return int(request.param)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@torch.inference_mode()
def test_it_is_the_networks_own_result(config: MAXIMConfig, piece: int) -> None:
    network, multiple = network_of(config), config.size_multiple
    for n, down, across in ((1, 3, 4), (2, 1, 1), (1, 1, 5)):
        x = torch.rand(n, config.image_channels, down * multiple, across * multiple)
        given = x.clone()
        for result, wanted in zip(pictures(network, x), network(x), strict=True):
            assert result.shape == x.shape and result.dtype == torch.float32
            assert relative(result, wanted) < 2e-5
        assert torch.equal(x, given)


@torch.inference_mode()
def test_the_released_sizes() -> None:
    network, x = network_of(replace(RELEASED, stages=2)), torch.rand(1, 3, 64, 128)
    assert all(relative(*pair) < 2e-5 for pair in zip(pictures(network, x), network(x), strict=True))


@torch.inference_mode()
def test_it_does_without_onednns_gelu(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = network_of(SMALL), torch.rand(1, 3, 32, 64)
    wanted = pictures(network, x)[-1]
    monkeypatch.setattr(pieces, "_FUSED", False)
    assert relative(pictures(network, x)[-1], wanted) < 2e-5


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 30), (torch.float16, 45), (torch.float64, 120)])
@torch.inference_mode()
def test_other_precisions(dtype: torch.dtype, least: float) -> None:
    """In half precision the pictures are sums in float32; as far from float32's as the network's own are."""
    network, x = network_of(SMALL), torch.rand(1, 3, 64, 64)
    other = copy.deepcopy(network).to(dtype)
    wanted, own, result = network(x)[-1] - x, other(x)[-1] - x, pictures(other, x)[-1] - x
    assert result.dtype == torch.float32
    assert psnr(result, wanted) > max(least, psnr(own.float(), wanted) - 1.5)


@torch.inference_mode()
def test_threads_change_rounding_alone() -> None:
    network, x = network_of(SMALL), torch.rand(1, 3, 96, 128)
    one = pictures(network, x)[-1]
    torch.set_num_threads(2)
    assert relative(pictures(network, x)[-1], one) < 2e-5


@torch.inference_mode()
def test_images_of_a_batch_do_not_mix() -> None:
    network, x = network_of(SMALL), torch.rand(3, 3, 32, 64)
    assert relative(pictures(network, x)[-1][1:2], pictures(network, x[1:2])[-1]) < 2e-5


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 8, 32), (1, 3, 32, 40)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) with H and W multiples of 16"):
        pictures(network_of(SMALL), torch.rand(shape))


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.parametrize("engine", ["torch", "auto"])
def test_memory_grows_as_stated(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one image of the released widths, above the program, in bytes per pixel and byte of the number format."""
    monkeypatch.setenv("DEBLUR_ENGINE", engine)
    script = """
    import re
    from dataclasses import replace
    from pathlib import Path
    import torch
    from deblurcli.networks.maxim import ARCHITECTURE
    from deblurcli.networks.maxim.inference import pictures
    from deblurcli.networks.maxim.network import MAXIM, RELEASED

    def memory(field):
        return int(re.search(field + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

    torch.set_num_threads(1)
    network = MAXIM(replace(RELEASED, stages=1)).eval()
    with torch.inference_mode():
        pictures(network, torch.rand(1, 3, 64, 64))
        before = memory("VmRSS")
        pictures(network, torch.rand(1, 3, 256, 512))
    taken = (memory("VmHWM") - before) / (256 * 512) / 4
    print(taken, ARCHITECTURE.bytes_per_pixel(network.config))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    taken, stated = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert taken < stated
