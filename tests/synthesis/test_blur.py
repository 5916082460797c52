from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from deblurcli.synthesis import BlurSettings, blur_photo
from deblurcli.synthesis.blur import random_centre, random_mask

pytestmark = pytest.mark.usefixtures("one_thread")

ONLY_MOTION = BlurSettings(still=0, rotation=0, objects=0, defocus=0, highlights=0, noise=0, jpeg=0)


@pytest.fixture(scope="module")
def sharp() -> torch.Tensor:
    return torch.from_numpy(astronaut()[:150, 100:300].copy()).permute(2, 0, 1)


def differs(a: torch.Tensor, b: torch.Tensor) -> int:
    return int((a.int() - b.int()).abs().max())


@pytest.mark.parametrize("seed", range(5))
def test_the_same_state_gives_the_same_photos(sharp, seed):
    first = blur_photo(sharp, np.random.default_rng(seed), BlurSettings(), crop=8)
    second = blur_photo(sharp, np.random.default_rng(seed), BlurSettings(), crop=8)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    other = blur_photo(sharp, np.random.default_rng(seed + 100), BlurSettings(), crop=8)
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("linear", [0.0, 1.0])
def test_a_still_camera_changes_nothing(sharp, linear):
    settings = replace(ONLY_MOTION, still=1, linear=linear)
    blurry, target = blur_photo(sharp, np.random.default_rng(0), settings)
    assert torch.equal(target, sharp)
    assert differs(blurry, sharp) <= 1


@pytest.mark.parametrize("linear", [0.0, 1.0])
def test_motion_blurs_and_the_target_stays_sharp(sharp, linear):
    blurry, target = blur_photo(sharp, np.random.default_rng(4), replace(ONLY_MOTION, linear=linear))
    assert torch.equal(target, sharp)
    assert blurry.float().diff(dim=2).abs().mean() < 0.9 * sharp.float().diff(dim=2).abs().mean()


def test_the_crop_is_cut_off_both(sharp):
    settings = replace(ONLY_MOTION, linear=0)
    whole = blur_photo(sharp, np.random.default_rng(4), settings)
    cropped = blur_photo(sharp, np.random.default_rng(4), settings, crop=20)
    for part, all_of_it in zip(cropped, whole, strict=True):
        assert part.shape == (3, 110, 160)
        assert torch.equal(part, all_of_it[:, 20:-20, 20:-20])


def test_the_target_is_at_mid_exposure(sharp):
    """A blur of constant speed is symmetric about it, so the best shift between blurry and sharp is near none."""
    shifts = []
    for seed in range(12):
        blurry, target = blur_photo(sharp, np.random.default_rng(seed), replace(ONLY_MOTION, linear=0, max_length=16))
        spectrum = torch.fft.fft2(blurry[1].float() - 128) * torch.fft.fft2(target[1].float() - 128).conj()
        peak = int(torch.fft.ifft2(spectrum).real.argmax())
        y, x = divmod(peak, 200)
        shifts.append((y - 150 * (y > 75), x - 200 * (x > 100)))
    assert np.abs(np.mean(shifts, 0)).max() < 1
    assert np.abs(shifts).max() <= 4


def test_an_object_moves_on_its_own(sharp):
    still = replace(ONLY_MOTION, still=1, linear=0)
    blurry, _ = blur_photo(sharp, np.random.default_rng(2), replace(still, objects=1))
    changed = (blurry.int() - sharp.int()).abs().amax(0) > 1
    assert 0.02 < float(changed.float().mean()) < 0.98


def test_highlights_brighten_both(sharp):
    settings = replace(ONLY_MOTION, still=1, linear=1, highlights=1)
    blurry, target = blur_photo(sharp, np.random.default_rng(1), settings)
    assert target.float().mean() > sharp.float().mean()
    assert differs(blurry, target) <= 1


def test_masks_cover_a_part():
    rng = np.random.default_rng(0)
    masks = [random_mask(rng, 64, 96) for _ in range(20)]
    assert all(mask.shape == (1, 64, 96) and mask.min() >= 0 and mask.max() <= 1 for mask in masks)
    assert 0.1 < np.mean([float(mask.mean()) for mask in masks]) < 0.9


def test_a_crop_may_lie_anywhere_in_its_frame():
    rng = np.random.default_rng(0)
    assert random_centre(rng, (100, 200), (100, 200)) == (100.0, 50.0)
    centres = np.array([random_centre(rng, (100, 200), (720, 1280)) for _ in range(300)])
    assert centres.min(0) == pytest.approx((200 - 640, 100 - 360), abs=30)
    assert centres.max(0) == pytest.approx((640, 360), abs=30)


def test_a_soft_scene_stays_soft_and_is_no_blur_to_be_removed(sharp):
    settings = replace(ONLY_MOTION, still=1, soft=1.0, max_soft=2.0)

    def detail(image: torch.Tensor) -> float:
        return float(image.float().diff(dim=2).abs().mean())

    kept = []
    for seed in range(8):
        blurry, target = blur_photo(sharp, np.random.default_rng(seed), settings)
        assert differs(blurry, target) <= 1
        kept.append(detail(target) / detail(sharp))
    assert min(kept) < 0.7 and max(kept) > 0.95
