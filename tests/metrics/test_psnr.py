from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from deblurcli.metrics.psnr import psnr

PHOTO = data.astronaut()


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("sigma", [0.3, 5, 40])
@pytest.mark.parametrize("image", [PHOTO, PHOTO[..., 1], PHOTO[:, ::-3]], ids=["RGB", "grey", "strided"])
def test_equals_scikit_image(image: np.ndarray, sigma: float) -> None:
    other = noisy(image, sigma)
    assert psnr(image, other) == pytest.approx(peak_signal_noise_ratio(image, other, data_range=255), abs=1e-11)
    assert psnr(image, other) == psnr(other, image)


def test_one_pixel_shift() -> None:
    a, b = PHOTO[:, 1:], PHOTO[:, :-1]
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-11)


def test_identical_images() -> None:
    assert psnr(PHOTO, PHOTO.copy()) == math.inf


def test_black_and_white() -> None:
    """The largest error there is; differences of uint8 must not wrap around."""
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0


def test_error_is_over_all_channels_together() -> None:
    a = np.zeros((2, 2, 3), np.uint8)
    b = a.copy()
    b[..., 0] = 30
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 300), abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8)),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)),
        (np.zeros((3, 4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8)),
        (np.zeros(4, np.uint8), np.zeros(4, np.uint8)),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8)),
        (np.zeros((4, 4)), np.zeros((4, 4))),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.float32)),
    ],
)
def test_what_is_no_pair_of_images_is_refused(a: np.ndarray, b: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected|differ"):
        psnr(a, b)
