from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from deblurcli.synthesis.convolve import blur_along, convolve, nodes
from deblurcli.synthesis.trajectory import SAMPLES, Trajectory, random_trajectory

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("size", "side"), [((20, 31), 5), ((9, 9), 9), ((64, 17), 3)])
def test_convolve_is_scipys(size, side):
    rng = np.random.default_rng(0)
    image, kernel = rng.random((3, *size)), rng.random((side, side))
    result = convolve(torch.from_numpy(image), torch.from_numpy(kernel)).numpy()
    wanted = np.stack([convolve2d(plane, kernel, mode="valid") for plane in image])
    assert np.allclose(result, wanted, atol=1e-10)


@pytest.mark.parametrize("length", [1, 2, 100, 160, 161, 400])
def test_weights_of_the_nodes_sum_to_one(length):
    total = torch.zeros(length)
    for position, first, end, weight in nodes(length):
        assert 0 <= position <= max(length - 1, 1)
        total[first:end] += weight
    assert torch.allclose(total, torch.ones(length), atol=1e-5)


def test_varying_kernels_that_do_not_vary_change_nothing():
    plain = random_trajectory(np.random.default_rng(0), 12)
    tiny = Trajectory(plain.offsets, np.where(np.arange(SAMPLES) == SAMPLES // 2, 0.0, 1e-12))
    assert tiny.rotates and not plain.rotates
    image = torch.rand(3, 70, 200)
    assert torch.allclose(blur_along(image, tiny, (0.0, 0.0), 33), blur_along(image, plain, (0.0, 0.0), 33), atol=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.02])
def test_light_is_neither_made_nor_lost(angle):
    motion = random_trajectory(np.random.default_rng(3), 15, angle)
    image = torch.zeros(1, 120, 120)
    image[:, 40:80, 40:80] = torch.rand(40, 40)
    blurry = blur_along(image, motion, (60.0, 60.0), 41)
    assert float(blurry.sum()) == pytest.approx(float(image.sum()), rel=1e-4 if angle == 0 else 0.02)


def test_an_even_image_stays_even_up_to_its_borders():
    motion = random_trajectory(np.random.default_rng(3), 30, 0.03)
    image = torch.full((3, 50, 170), 0.4)
    assert torch.allclose(blur_along(image, motion, (300.0, -50.0), 65), image, atol=1e-5)


def test_a_point_moves_the_way_of_the_motion():
    image = torch.zeros(1, 41, 41)
    image[0, 20, 20] = 1
    shifted = Trajectory(np.tile([5.0, -3.0], (SAMPLES, 1)), np.zeros(SAMPLES))
    blurry = blur_along(image, shifted, (0.0, 0.0), 17)
    assert float(blurry[0, 17, 25]) == pytest.approx(1, abs=1e-5)


def test_rotation_moves_a_point_far_from_the_centre():
    image = torch.zeros(1, 161, 161)
    image[0, 80, 140] = image[0, 80, 80] = 1
    turned = Trajectory(np.zeros((SAMPLES, 2)), np.full(SAMPLES, 0.1))
    blurry = blur_along(image, turned, (80.0, 80.0), 33)[0]
    y, x = torch.meshgrid(torch.arange(161.0), torch.arange(161.0), indexing="ij")

    def place(light: torch.Tensor) -> tuple[float, float]:
        return float((light * x).sum() / light.sum()), float((light * y).sum() / light.sum())

    assert place((x > 110) * blurry) == pytest.approx((80 + 60 * np.cos(0.1), 80 + 60 * np.sin(0.1)), abs=1.0)
    assert place((x < 110) * blurry) == pytest.approx((80, 80), abs=0.5)
