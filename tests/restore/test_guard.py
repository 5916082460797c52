from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from deblurcli.restore import deblurrer, pictures
from deblurcli.restore.deblurrer import Deblurrer, GuardWarning
from deblurcli.restore.guard import BLOCK, block_means, put_back, wrong_blocks
from deblurcli.restore.pictures import stored
from deblurcli.synthesis.convolve import blur_along
from deblurcli.synthesis.trajectory import random_trajectory

pytestmark = pytest.mark.usefixtures("one_thread")


def keep_input_where_wrong(result: np.ndarray, pixels: np.ndarray, strength: float) -> float:
    """The guard as a whole, `result` changed in place; the share of blocks that were put back."""
    images = (stored([image], torch.device("cpu")) for image in (result, pixels))
    wrong = wrong_blocks(*images, pixels.dtype, strength)[0].numpy()  # type: ignore[call-arg]
    put_back(result, pixels, wrong)
    return float(wrong.mean())


@pytest.mark.parametrize("size", [(448, 448), (449, 387), (70, 300)])
@pytest.mark.parametrize("length", [10, 40])
@pytest.mark.parametrize("gamma", [1.0, 2.2])
def test_quiet_on_a_perfect_result(size, length, gamma):
    """The true sharp photo as the result of its blurred version, averaged as signal or as linear light."""
    sharp = astronaut()[: size[0], : size[1]].copy()
    light = (torch.from_numpy(sharp).permute(2, 0, 1).float() / 255) ** gamma
    for seed in range(3):
        motion = random_trajectory(np.random.default_rng(seed), length)
        blurry = blur_along(light, motion, (0.0, 0.0), 65).clamp(0, 1) ** (1 / gamma)
        pixels = (blurry * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
        result = sharp.copy()
        assert keep_input_where_wrong(result, pixels, 1.0) == 0
        assert np.array_equal(result, sharp)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_wrong_colour_everywhere_keeps_the_input(make_checkpoint, dtype):
    def shift(network):
        network.dec1[-1].bias += 0.8

    deblur = Deblurrer(make_checkpoint(shift), "cpu", "fp32")
    scale = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (np.random.default_rng(0).uniform(0, 0.3, (90, 150, 3)) * scale).astype(dtype)
    with pytest.warns(GuardWarning, match="failed on 100%"):
        result = deblur(pixels)
    assert np.allclose(result, pixels, atol=1e-6 if dtype is np.float32 else 0, rtol=0)
    assert deblur.restore(pixels).kept == 1


def test_infinite_values_keep_the_input(make_checkpoint):
    def explode(network):
        network.enc1[0].weight.fill_(1e30)
        network.enc2[0].weight.fill_(1e30)

    pixels = np.random.default_rng(0).integers(1, 256, (40, 50, 3), np.uint8)
    with pytest.warns(GuardWarning):
        result = Deblurrer(make_checkpoint(explode), "cpu", "fp32")(pixels)
    assert np.array_equal(result, pixels)


def test_what_is_done_again_for_want_of_memory_is_counted_once(make_checkpoint, monkeypatch):
    def explode(network):
        for name, value in network.named_parameters():
            value.mul_(0 if name.endswith("bias") else 1e12)

    deblur = Deblurrer(make_checkpoint(explode), "cpu", "fp32")
    pixels = np.zeros((1600, 48, 3), np.uint8)
    pixels[:16] = 255  # what is black, and far from this, stays black
    usual, calls = deblur.restore(pixels), 0
    assert 0.05 < usual.kept < 0.5

    def quantise(*arguments):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12 bytes.")
        return pictures.quantise(*arguments)

    monkeypatch.setattr(deblurrer, "quantise", quantise)
    again = deblur.restore(pixels)
    assert calls > 1
    assert again.kept == usual.kept


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_failing_part_fades_without_a_step(dtype):
    scale = 255 if dtype is np.uint8 else 1
    pixels = np.full((5 * BLOCK, 6 * BLOCK, 3), 0.2 * scale).astype(dtype)
    result = np.full_like(pixels, 0.3 * scale)
    wrong = (slice(2 * BLOCK, 3 * BLOCK), slice(3 * BLOCK, 4 * BLOCK))
    result[wrong] = 0.9 * scale
    kept = keep_input_where_wrong(result, pixels, 1.0)
    assert kept == pytest.approx(1 / 30)
    assert np.allclose(result[wrong], pixels[wrong], atol=1e-6)
    assert np.allclose(result[:, : BLOCK // 2], 0.3 * scale, atol=0.5 * scale / 255)
    steps = max(np.abs(np.diff(result.astype(float), axis=axis)).max() for axis in (0, 1))
    assert steps <= 0.1 * scale / BLOCK + (1 if dtype is np.uint8 else 1e-6)


def test_grey_is_guarded_too():
    pixels = np.zeros((100, 100), np.uint16)
    result = np.full_like(pixels, 40000)
    assert keep_input_where_wrong(result, pixels, 1.0) == 1
    assert not result.any()


def test_the_limit_follows_the_strength():
    pixels = np.full((64, 64), 0.5, np.float32)
    result = pixels + np.float32(0.1)
    assert keep_input_where_wrong(result.copy(), pixels, 1.0) == 0
    assert keep_input_where_wrong(result.copy(), pixels, 0.1) == 1


def test_block_means_reach_back_at_the_far_borders():
    image = np.random.default_rng(0).random((65, 130, 3))
    means = block_means(torch.from_numpy(image)[None], image.dtype)[0].numpy()
    assert means.shape == (2, 3, 3)
    assert np.allclose(means[0, 0], image[:64, :64].mean((0, 1)))
    assert np.allclose(means[1, 2], image[1:65, 66:130].mean((0, 1)))
    small = torch.from_numpy(image[None, :3, :5, 0])
    assert np.allclose(block_means(small, image.dtype), image[:3, :5, 0].mean())
