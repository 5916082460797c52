from __future__ import annotations

import json
import math
import weakref
from collections.abc import Iterator

import make_reference
import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from skimage.registration import phase_cross_correlation

from deblurcli.metrics.kohler import kohler_scores

FIGURES = json.loads(make_reference.STORED.read_text())
PAIRS = make_reference.kohler_pairs()
PHOTO = data.astronaut()
FRAME = PHOTO[100:300, 150:370]


def to_uint8(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("name", PAIRS)
def test_one_frame_equals_octave(name: str) -> None:
    restored, frame = PAIRS[name]
    assert FIGURES[name]["sha256"] == make_reference.digest((restored, frame)), "run make_reference.py"
    score = kohler_scores(restored, [frame])
    assert (score.psnr, score.ssim) == pytest.approx(FIGURES[name]["figures"], abs=1e-10)


@pytest.mark.parametrize("view", [(0, 0, 1.0), (5, -8, 1.0), (-3, 12, 0.7), (9, 2, 1.3)])
def test_psnr_equals_scikit_image_and_scipy(view: tuple[int, int, float]) -> None:
    row, column, scale = view
    restored = to_uint8(ndimage.uniform_filter1d(PHOTO[100 - row : 300 - row, 150 - column : 370 - column], 5) * scale)
    shift, *_ = phase_cross_correlation(FRAME.mean(2), restored.mean(2), normalization=None)
    fitted, *_ = np.linalg.lstsq(restored.reshape(-1, 1).astype(float), FRAME.reshape(-1).astype(float), rcond=None)
    moved = ndimage.shift(restored * fitted[0], (*shift, 0), order=1)
    target = FRAME * ndimage.shift(np.ones(FRAME.shape), (*shift, 0), order=1)
    luma = np.array([0.299, 0.587, 0.114])
    expected = peak_signal_noise_ratio(target @ luma, moved @ luma, data_range=255)
    assert kohler_scores(restored, [FRAME]).psnr == pytest.approx(expected, abs=1e-9)


def test_the_best_frame_counts() -> None:
    restored = to_uint8(ndimage.gaussian_filter(FRAME.astype(float), (1, 1, 0)))
    frames = [to_uint8(ndimage.rotate(FRAME, angle, reshape=False, order=1)) for angle in (-4, -1, 0.5, 3)]
    single = [kohler_scores(restored, [frame]) for frame in frames]
    best = kohler_scores(restored, frames)
    assert best.psnr == max(score.psnr for score in single)
    assert best.ssim == max(score.ssim for score in single)
    assert best.frame == [score.psnr for score in single].index(best.psnr) == 2


def test_psnr_and_ssim_may_be_of_different_frames() -> None:
    restored = FRAME
    closer = to_uint8(FRAME + np.random.default_rng(0).normal(0, 25, FRAME.shape))
    clearer = to_uint8(FRAME * 0.75 + 60.0)
    by_noise, by_contrast = (kohler_scores(restored, [frame]) for frame in (closer, clearer))
    assert by_noise.psnr > by_contrast.psnr
    assert by_noise.ssim < by_contrast.ssim
    both = kohler_scores(restored, [clearer, closer])
    assert (both.psnr, both.ssim, both.frame) == (by_noise.psnr, by_contrast.ssim, 1)


def test_frames_are_not_kept() -> None:
    alive: list[weakref.ref[np.ndarray]] = []

    def frames() -> Iterator[np.ndarray]:
        for _ in range(6):
            assert sum(reference() is not None for reference in alive) <= 1
            frame = FRAME.copy()
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    assert kohler_scores(FRAME, frames()).psnr == math.inf
    assert len(alive) == 6


@pytest.mark.parametrize(("row", "column", "scale"), [(0.5, -0.5, 1.0), (-3.37, 7.12, 0.8), (2.75, 0.25, 0.5)])
def test_subpixel_undoes_shift_and_scale(row: float, column: float, scale: float) -> None:
    sharp = ndimage.gaussian_filter(PHOTO.astype(float), (1.5, 1.5, 0))
    frame = to_uint8(sharp[100:300, 150:370])
    moved = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(sharp, axes=(0, 1)), (row, column, 0)), axes=(0, 1)).real
    restored = to_uint8(moved[100:300, 150:370] * scale)
    fine = kohler_scores(restored, [frame], subpixel=True)
    assert fine.psnr > 48
    assert fine.ssim > 0.999
    assert fine.psnr > kohler_scores(restored, [frame]).psnr + 5


@pytest.mark.parametrize("subpixel", [False, True])
def test_the_very_frame(subpixel: bool) -> None:
    score = kohler_scores(FRAME, [PHOTO[:200, :220], FRAME], subpixel=subpixel)
    assert score.psnr > 200
    assert score.ssim == pytest.approx(1, abs=1e-12)
    assert score.frame == 1


@pytest.mark.parametrize("subpixel", [False, True])
def test_constant_pictures(subpixel: bool) -> None:
    grey = np.full_like(FRAME, 90)
    assert kohler_scores(grey, [grey // 2], subpixel=subpixel).psnr > 200  # the intensity is free
    luma = FRAME @ np.array([0.299, 0.587, 0.114])
    level = luma.mean() if subpixel else FRAME.mean()
    expected = 10 * math.log10(255**2 / np.square(luma - level).mean())
    assert kohler_scores(grey, [FRAME], subpixel=subpixel).psnr == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("subpixel", [False, True])
def test_black_result_is_scored(subpixel: bool) -> None:
    luma = FRAME @ np.array([0.299, 0.587, 0.114])
    expected = 10 * math.log10(255**2 / np.square(luma).mean())
    assert kohler_scores(np.zeros_like(FRAME), [FRAME], subpixel=subpixel).psnr == pytest.approx(expected, abs=1e-9)


def test_missing_frame_is_passed_over() -> None:
    """A black one would be met exactly by any picture, scaled to nothing."""
    blurred = to_uint8(ndimage.uniform_filter1d(FRAME, 9, axis=1))
    score = kohler_scores(blurred, [np.zeros_like(FRAME), FRAME])
    assert score.psnr == kohler_scores(blurred, [FRAME]).psnr < 40
    assert score.frame == 1


def test_no_frames() -> None:
    for frames in ([], [np.zeros_like(FRAME)]):
        with pytest.raises(ValueError, match="at least one frame"):
            kohler_scores(FRAME, frames)


@pytest.mark.parametrize(
    ("restored", "frame"),
    [
        (FRAME, FRAME[:-1]),
        (FRAME, FRAME[..., 0]),
        (FRAME[..., 0], FRAME[..., 0]),
        (FRAME / 255, FRAME),
        (FRAME, FRAME / 255),
        (FRAME[:160], FRAME[:160]),
    ],
)
def test_what_cannot_be_compared_is_refused(restored: np.ndarray, frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected|differ"):
        kohler_scores(restored, [frame])
