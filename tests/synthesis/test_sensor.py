from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from deblurcli.synthesis.sensor import add_noise, jpeg, soften, to_signal


def test_noise_is_as_strong_as_asked_for_and_repeatable():
    light = torch.full((3, 100, 100), 0.25)
    noisy = add_noise(light, 0.02, 0.01, np.random.default_rng(0))
    assert float((noisy - light).std()) == pytest.approx((0.02**2 * 0.25 + 0.01**2) ** 0.5, rel=0.05)
    assert float((noisy - light).mean()) == pytest.approx(0, abs=5e-4)
    assert torch.equal(noisy, add_noise(light, 0.02, 0.01, np.random.default_rng(0)))
    assert not torch.equal(noisy, add_noise(light, 0.02, 0.01, np.random.default_rng(1)))


@pytest.mark.parametrize("gamma", [1.0, 2.2])
def test_every_level_survives_the_tone_curve(gamma):
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_signal((levels.float() / 255) ** gamma, gamma), levels)


def test_the_signal_clips():
    assert to_signal(torch.tensor([-1.0, 0.0, 1.0, 9.0]), 2.2).tolist() == [0, 0, 255, 255]


def test_jpeg_keeps_the_layout_and_loses_little():
    ramp = torch.arange(64, dtype=torch.uint8) * 3
    pixels = torch.stack(
        [ramp.expand(48, 64), ramp.flip(0).expand(48, 64), torch.full((48, 64), 90, dtype=torch.uint8)]
    )
    decoded = jpeg(pixels, 97, 0)
    assert decoded.shape == pixels.shape and decoded.dtype == torch.uint8
    assert float((decoded.float() - pixels.float()).abs().mean()) < 2
    coarse = jpeg(pixels, 60, 2)
    assert not torch.equal(coarse, decoded)


@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.0, 2.0])
def test_softness_is_a_gaussian_blur(sigma):
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = ndimage.gaussian_filter(image.numpy(), (0, sigma, sigma), mode="nearest", radius=6)
    assert np.abs(soften(image, sigma).numpy() - wanted).max() < 1e-12
