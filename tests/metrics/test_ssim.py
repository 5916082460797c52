from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.metrics import structural_similarity

from deblurcli.metrics.ssim import ssim_matlab, ssim_wang

PHOTO = data.astronaut()[:301, :333]  # sides that no strip divides
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def to_uint8(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255).round().astype(np.uint8)


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    constant = np.full((40, 50, 3), 200, np.uint8)
    return {
        "noise": (PHOTO, to_uint8(PHOTO + rng.normal(0, 12, PHOTO.shape))),
        "Gaussian blur": (PHOTO, to_uint8(ndimage.gaussian_filter(PHOTO.astype(float), (2, 2, 0)))),
        "motion blur": (PHOTO, to_uint8(ndimage.uniform_filter1d(PHOTO.astype(float), 15, axis=1))),
        "one pixel shift": (PHOTO[:, 1:], PHOTO[:, :-1]),
        "channels exchanged": (PHOTO, PHOTO[..., ::-1]),
        "negative": (PHOTO, 255 - PHOTO),
        "two constants": (constant, constant - 90),
        "black and white": (np.zeros_like(constant), np.full_like(constant, 255)),
        "smallest": (PHOTO[100:111, 100:111], PHOTO[101:112, 103:114]),
        "grey": (PHOTO[..., 1], to_uint8(PHOTO[..., 1] + rng.normal(0, 25, PHOTO.shape[:2]))),
        "grey shift": (PHOTO[1:, :, 0], PHOTO[:-1, :, 0]),
    }


PAIRS = pairs()
on_all_pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
of_both = pytest.mark.parametrize("ssim", [ssim_wang, ssim_matlab])
Ssim = Callable[[np.ndarray, np.ndarray], float]
Pair = tuple[np.ndarray, np.ndarray]


def volume_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """MATLAB's definition by an n-dimensional filter, every axis alike; 3.5 sigma is a radius of 5."""

    def mean(volume: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(volume, 1.5, mode="nearest", truncate=3.5)

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return float((luminance * structure).mean())


@on_all_pairs
def test_wang_equals_scikit_image(pair: Pair) -> None:
    a, b = pair
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = structural_similarity(a, b, channel_axis=2 if a.ndim == 3 else None, **options)
    print(f"difference {abs(ssim_wang(a, b) - expected):.1e}")
    assert ssim_wang(a, b) == pytest.approx(expected, abs=1e-9)


@on_all_pairs
def test_matlab_equals_filtering_the_volume(pair: Pair) -> None:
    a, b = pair
    print(f"difference {abs(ssim_matlab(a, b) - volume_ssim(a, b)):.1e}")
    assert ssim_matlab(a, b) == pytest.approx(volume_ssim(a, b), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (2, 40, 3), (40, 3), (10, 10, 3)])
def test_matlab_continues_images_smaller_than_the_window(shape: tuple[int, ...]) -> None:
    a, b = np.random.default_rng(1).integers(0, 256, (2, *shape), np.uint8)
    assert ssim_matlab(a, b) == pytest.approx(volume_ssim(a, b), abs=1e-9)


@pytest.mark.parametrize("shape", [(10, 11, 3), (11, 10), (1, 1, 3)])
def test_wang_refuses_images_smaller_than_the_window(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim_wang(image, image)


@of_both
@pytest.mark.parametrize("image", [PHOTO, PHOTO[..., 2], np.zeros((20, 20, 3), np.uint8)], ids=["RGB", "grey", "black"])
def test_identical_images_give_exactly_one(ssim: Ssim, image: np.ndarray) -> None:
    assert ssim(image, image.copy()) == 1


@of_both
def test_constant_images_follow_the_formula(ssim: Ssim) -> None:
    a, b = PAIRS["two constants"]
    expected = (2 * 200 * 110 + C1) / (200**2 + 110**2 + C1)
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


@of_both
def test_order_of_the_images_does_not_matter(ssim: Ssim) -> None:
    a, b = PAIRS["motion blur"]
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-15)


@of_both
def test_grey_image_equals_itself_as_rgb(ssim: Ssim) -> None:
    a, b = PAIRS["grey"]
    as_rgb = [np.repeat(image[..., None], 3, 2) for image in (a, b)]
    assert ssim(*as_rgb) == pytest.approx(ssim(a, b), abs=1e-12)


def test_the_definitions_differ() -> None:
    a, b = PAIRS["noise"]
    assert abs(ssim_wang(a, b) - ssim_matlab(a, b)) > 0.01


@of_both
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8)),
        (np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20, 4), np.uint8)),
        (np.zeros((20, 20)), np.zeros((20, 20))),
    ],
)
def test_what_is_no_pair_of_images_is_refused(ssim: Ssim, a: np.ndarray, b: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected|differ"):
        ssim(a, b)
