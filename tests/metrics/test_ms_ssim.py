from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from deblurcli.metrics.ms_ssim import ms_ssim

PHOTO = data.astronaut()[:301, :333].mean(2)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
LOW_PASS = np.array([0.0378284555, -0.0238494650, -0.1106244044, 0.3774028556, 0.8526986790])
LOW_PASS = np.concatenate([LOW_PASS, LOW_PASS[-2::-1]])


def by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    """The definition once more, from SciPy's filters on whole pictures."""

    def mean(picture: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(picture, 1.5, truncate=3.5)[5:-5, 5:-5]

    result = 1.0
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            kernel = np.outer(LOW_PASS, LOW_PASS) / LOW_PASS.sum() ** 2
            a, b = (ndimage.correlate(picture, kernel, mode="reflect")[::2, ::2] for picture in (a, b))
        mean_a, mean_b = mean(a), mean(b)
        deviation_a, deviation_b = np.sqrt(mean(a * a) - mean_a**2), np.sqrt(mean(b * b) - mean_b**2)
        covariance = mean(a * b) - mean_a * mean_b
        contrast = (2 * deviation_a * deviation_b + C2) / (deviation_a**2 + deviation_b**2 + C2)
        structure = (covariance + C2 / 2) / (deviation_a * deviation_b + C2 / 2)
        result *= (contrast.mean() * structure.mean()) ** exponent
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return float(result * luminance.mean() ** exponent)


@pytest.mark.parametrize("shape", [(301, 333), (161, 162), (176, 300)])
def test_equals_scipy(shape: tuple[int, int]) -> None:
    a = PHOTO[: shape[0], : shape[1]]
    noisy = a + np.random.default_rng(0).normal(0, 20, a.shape)
    for b in (noisy, ndimage.uniform_filter1d(a, 15, axis=1), np.roll(a, 1, 0), 0.5 * a + 60):
        assert ms_ssim(a, b) == pytest.approx(by_scipy(a, b), abs=1e-9)
        assert ms_ssim(a, b) == pytest.approx(ms_ssim(b, a), abs=1e-14)


def test_identical_pictures() -> None:
    assert ms_ssim(PHOTO, PHOTO.copy()) == pytest.approx(1, abs=1e-12)
    assert ms_ssim(np.zeros((161, 161)), np.zeros((161, 161))) == 1


def test_constants_differ_in_luminance_alone() -> None:
    a, b = np.full((200, 200), 200.0), np.full((200, 200), 110.0)
    expected = ((2 * 200 * 110 + C1) / (200**2 + 110**2 + C1)) ** 0.1333
    assert ms_ssim(a, b) == pytest.approx(expected, abs=1e-8)


def test_opposite_structure_gives_nought() -> None:
    assert ms_ssim(PHOTO, 255 - PHOTO) == 0


@pytest.mark.parametrize("shape", [(160, 200), (200, 160), (200, 200, 3), (1, 1)])
def test_pictures_without_five_scales_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 161 x 161"):
        ms_ssim(np.zeros(shape), np.zeros(shape))
    with pytest.raises(ValueError, match="got"):
        ms_ssim(np.zeros((200, 200)), np.zeros((200, 201)))
