from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.registration import phase_cross_correlation

from deblurcli.metrics.alignment import find_shift, move, refine_shift

PHOTO = data.astronaut().mean(2)


def shifted_view(row: float, column: float, shape: tuple[int, int]) -> np.ndarray:
    """Of the photo, `shape` pixels from (100, 150), after Fourier's shift of the whole down and right."""
    moved = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(PHOTO), (row, column))).real
    return moved[100 : 100 + shape[0], 150 : 150 + shape[1]]


@pytest.mark.parametrize("shape", [(240, 240), (241, 203)])
@pytest.mark.parametrize("shift", [(0, 0), (3, -4), (-2.37, 5.12), (0.5, -0.45), (-11.08, -9.93)])
def test_finds_what_scikit_image_finds(shift: tuple[float, float], shape: tuple[int, int]) -> None:
    reference, picture = shifted_view(0, 0, shape), shifted_view(*shift, shape)
    expected, *_ = phase_cross_correlation(reference, picture, normalization=None)
    assert find_shift(reference, np.fft.rfft2(picture)) == tuple(expected)


@pytest.mark.parametrize("size", [240, 241])
@pytest.mark.parametrize("fraction", [(0, 0), (-0.37, 0.12), (0.5, -0.45), (0.01, -0.6)])
def test_refines_as_scikit_image_does(fraction: tuple[float, float], size: int) -> None:
    window = np.outer(np.hanning(size), np.hanning(size))
    views = [shifted_view(0, 0, (size, size)), shifted_view(*fraction, (size, size))]
    reference, picture = ((view - view.mean()) * window for view in views)
    expected, *_ = phase_cross_correlation(reference, picture, upsample_factor=100, normalization=None)
    assert refine_shift(*views, (0, 0)) == pytest.approx(tuple(expected), abs=1e-9)  # type: ignore[call-arg]


@pytest.mark.parametrize("shift", [(0, 0), (7, -4), (-2.37, 5.12), (0.5, -0.49), (-0.01, 30.99)])
def test_recovers_a_shift(shift: tuple[float, float]) -> None:
    reference, picture = shifted_view(0, 0, (240, 261)), shifted_view(*shift, (240, 261))
    whole = find_shift(reference, np.fft.rfft2(picture))
    assert refine_shift(reference, picture, whole) == pytest.approx((-shift[0], -shift[1]), abs=0.021)


def test_constant_pictures_stay_where_they_are() -> None:
    photo = PHOTO[:90, :101]
    for value in (0.0, 77.3):
        constant = np.full((90, 101), value)
        for reference in (photo, constant):
            assert find_shift(reference, np.fft.rfft2(constant)) == (0, 0)
            assert refine_shift(reference, constant, (0, 0)) == (0, 0)
            assert refine_shift(constant, reference, (0, 0)) == (0, 0)


def test_the_shortest_of_equal_shifts_is_taken() -> None:
    """A tiled picture fits at every tile, and rounding errors must not choose."""
    for height, width in ((50, 30), (37, 45), (25, 40)):
        tiled = np.tile(PHOTO[:height, :width], (4, 5))
        assert find_shift(tiled, np.fft.rfft2(np.roll(tiled, (2, -3), (0, 1)))) == (-2, 3)


def test_whole_pixels_are_moved_unchanged() -> None:
    moved, covered = move(PHOTO, (3, -5))
    assert np.array_equal(moved[3:, :-5], PHOTO[:-3, 5:])
    assert np.array_equal(moved[covered], PHOTO[:-3, 5:])
    assert not moved[:3].any()
    assert not moved[:, -5:].any()


@pytest.mark.parametrize("shift", [(0.3, -0.45), (-6.5, 2.75), (0.99, -0.01)])
def test_fractions_are_interpolated(shift: tuple[float, float]) -> None:
    """Against Fourier's shift of a photo without its finest detail, mirrored so that its ends fit together."""
    smooth = np.pad(ndimage.gaussian_filter(PHOTO[:256, :256], 1.5), (0, 256), "symmetric")
    expected = np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(smooth), shift)).real
    moved, covered = move(smooth, shift)
    inside = (slice(20, -20), slice(20, -20))
    error = abs(moved - expected)[inside].max()
    print(f"largest error {error:.3f}")
    assert error < 0.5
    outside = np.ones(moved.shape, bool)
    outside[covered] = False
    assert outside.any()
    assert not moved[outside].any()


def test_a_flat_picture_stays_flat() -> None:
    moved, covered = move(np.full((30, 40), 200.0), (0.4, -7.3))
    assert moved[covered] == pytest.approx(200, abs=1e-11)
    assert covered == (slice(1, 30), slice(0, 32))
