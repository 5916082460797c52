from __future__ import annotations

import copy
import subprocess
import sys
import textwrap
from functools import partial

import pytest
import torch
from exactness import relative
from image_in_memory import Memory, joined

from deblurcli.networks.nafnet import sweep
from deblurcli.networks.nafnet.native_blocks import OwnBlocks
from deblurcli.networks.nafnet.network import RELEASED, NAFNet, NAFNetConfig
from deblurcli.networks.nafnet.sweep import (
    bytes_per_pixel,
    first_kept,
    kept_bytes,
    receptive_radius,
    restore,
    work,
)
from deblurcli.tiling.budget import PixelBudget

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIGS = {
    "as released": NAFNetConfig(8, (1, 1, 1, 3), 1, (1, 1, 1, 1)),
    "many blocks": NAFNetConfig(8, (2, 1), 2, (1, 3)),
    "levels without blocks": NAFNetConfig(8, (1, 0, 2), 0, (1, 1, 0)),
    "grey": NAFNetConfig(8, (1, 1, 2), 1, (1, 1, 1), image_channels=1),
    "windows": NAFNetConfig(8, (1, 1), 1, (1, 1), window=24),
}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


restored = partial(joined, restore)


KEPT = [(name, kept) for name, config in CONFIGS.items() for kept in range(1 if config.window else config.levels + 1)]


@pytest.mark.parametrize(("name", "kept"), KEPT)
@torch.inference_mode()
def test_tiles_of_any_size_make_the_whole_wherever_features_are_kept(make_nafnet, monkeypatch, name, kept):
    monkeypatch.setattr(sweep, "first_kept", lambda *args: kept)
    config = CONFIGS[name]
    network = make_nafnet(config, seed=3)
    image = torch.rand(3 if config.image_channels == 1 else 1, config.image_channels, 48, 80)
    assert relative(restored(network, Memory(image), PixelBudget(600)), network(image)[-1]) < 1e-5
    network = copy.deepcopy(network).double()
    wanted = network(image)[-1]
    for pixels in (48 * 80, 1500, 300):
        assert relative(restored(network, Memory(image), PixelBudget(pixels)), wanted) < 1e-6, pixels


@torch.inference_mode()
def test_tiles_are_no_larger_than_they_should_be(make_nafnet):
    source = Memory(torch.rand(1, 3, 96, 400))
    restored(make_nafnet(CONFIGS["as released"]), source, PixelBudget(6000))
    assert 3000 < source.largest <= 6000


@torch.inference_mode()
def test_means_are_the_whole_images(make_nafnet):
    """A light far away, beyond any convolution's receptive radius, changes what a tile gives."""
    network = make_nafnet(NAFNetConfig(4, (1,), 1, (1,)))
    dark = torch.zeros(1, 3, 32, 320)
    lit = dark.clone()
    lit[..., 300:] = 1
    before, after = (restored(network, Memory(image), PixelBudget(1)) for image in (dark, lit))
    assert (before - after)[..., :100].abs().mean() > 1e-3


@torch.inference_mode()
def test_features_that_no_machine_can_hold_are_a_memory_error(make_nafnet):
    class Endless(Memory):
        height = width = 1 << 26

    size = PixelBudget(1 << 60)  # so that the first sweep over the image is one tile
    source = Endless(torch.rand(1, 3, 16, 16))
    network = make_nafnet(CONFIGS["many blocks"])
    run = sweep.KeptFeatures(network, OwnBlocks(), source, lambda *tile: None, size, lambda share: None)
    with pytest.raises(MemoryError, match="not enough memory for the features of this image"):
        run.new(1)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
@torch.inference_mode()
def test_receptive_radius_is_as_far_as_a_pixel_is_felt(kept):
    """With attention switched off, every pixel that feels another one is within its receptive radius."""
    config = NAFNetConfig(2, (2, 1, 1), 1, (1, 1, 2), image_channels=1)
    network = NAFNet(config).double()
    for name, parameter in network.named_parameters():
        parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64))
        if ".sca." in name:
            parameter.fill_(float(name.endswith("bias")))
    image = torch.rand(1, 1, 160, 8, dtype=torch.float64)
    farthest, limit = 0, receptive_radius(config, kept)

    def run(image: torch.Tensor) -> torch.Tensor:
        x, skips = network.intro(image), []
        for level in range(kept):
            x = network.encoders[level](x)
            skips.append(x)
            x = network.downs[level](x)
        for level in reversed(range(kept)):
            x = network.decoders[2 - level](network.ups[2 - level](x) + skips.pop())
        return network.ending(x)

    for place in range(80, 88):
        other = image.clone()
        other[:, :, place, 3] += 1
        felt = (run(other) != run(image))[0, 0].any(1).nonzero()
        farthest = max(farthest, place - int(felt[0]), int(felt[-1]) - place)
    assert limit - (2 << kept) < farthest <= limit


def test_what_is_kept_follows_the_memory():
    for width, megapixels, wanted in ((32, 12, 1), (32, 100, 3), (64, 12, 1), (64, 24, 2), (64, 100, 3)):
        pixels = megapixels * 1_000_000
        assert first_kept(NAFNetConfig(width), pixels, 4, sweep.KEPT_BYTES) == wanted, (width, megapixels)
    large = RELEASED["GoPro-width64"]
    assert kept_bytes(large, 3, 4) * 12_000 * 8_333 < 7e9  # 100 megapixels fit a machine of 16 GiB
    assert work(large, 1) < 1.1 * work(large, 0)
    assert work(large, 3) < 1.6 * work(large, 0)
    assert first_kept(NAFNetConfig(32, window=384), 1 << 30, 4, 0) == 0


PEAK = """
    import threading, time
    from pathlib import Path
    import torch
    from deblurcli.networks.nafnet import sweep
    from deblurcli.networks.nafnet.network import NAFNet, NAFNetConfig
    from deblurcli.tiling.budget import PixelBudget

    torch.set_num_threads(1)
    network = NAFNet(NAFNetConfig(8, (1, 1, 1, 2), 1, (1, 1, 1, 1))).eval()
    sweep.KEPT_BYTES = 0

    class Source:
        height, width = 512, 1024
        def read(self, top, bottom, left, right):
            rows = torch.arange(top, bottom)[:, None] * 0.37
            return (rows + torch.arange(left, right) * 0.73).remainder(1).expand(1, 3, -1, -1)

    def memory():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def watch():
        while running:
            seen.append(memory())
            time.sleep(0.002)

    def peak(size):
        sweep.restore(network, Source(), lambda *tile: None, PixelBudget(size), lambda share: None)

    with torch.inference_mode():
        network(torch.rand(1, 3, 64, 64))
    before, seen, running = memory(), [], True
    watcher = threading.Thread(target=watch)
    watcher.start()
    peak(1 << 14)
    running = False
    watcher.join()
    print(max(seen) - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a process's memory")
def test_memory_is_what_is_kept_and_a_tile():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(PEAK)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    config, pixels = NAFNetConfig(8, (1, 1, 1, 2), 1, (1, 1, 1, 1)), 512 * 1024
    kept = kept_bytes(config, first_kept(config, pixels, 4, 0), 4) * pixels
    tile = 4 * bytes_per_pixel(config) * (1 << 14)
    limit = 1.5 * (kept + tile) + (16 << 20)
    assert int(done.stdout) < limit < 4 * bytes_per_pixel(config) * pixels / 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("home", ["device", "main memory"])
@torch.inference_mode()
def test_tiles_on_a_device_make_the_whole(make_nafnet, monkeypatch, home):
    if home == "main memory":
        monkeypatch.setattr(sweep, "bytes_per_pixel", lambda config: 0)
    for name in ("as released", "windows"):
        network = make_nafnet(CONFIGS[name], seed=3)
        image = torch.rand(1, 3, 80, 112)
        wanted = network(image)[-1]
        network = network.double().cuda()  # convolutions in TF32 would differ more
        emitted = restored(network, Memory(image), PixelBudget(64 * 64))
        assert relative(emitted, wanted) < 1e-5
