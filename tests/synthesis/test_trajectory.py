from __future__ import annotations

import numpy as np
import pytest

from deblurcli.synthesis.trajectory import SAMPLES, Trajectory, kernel_at, random_trajectory

STILL = np.zeros(SAMPLES)


def line(dx: float, dy: float) -> Trajectory:
    """A straight path from -(dx, dy) to (dx, dy)."""
    time = np.linspace(-1, 1, SAMPLES)
    return Trajectory(np.stack([time * dx, time * dy], 1), STILL)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_displaced_at_mid_exposure(seed):
    motion = random_trajectory(np.random.default_rng(seed), 30, 0.02)
    assert np.array_equal(motion.offsets[SAMPLES // 2], [0, 0])
    assert motion.angles[SAMPLES // 2] == 0
    assert motion.rotates


@pytest.mark.parametrize("length", [3.0, 40.0])
def test_the_path_is_as_long_as_asked_for(length):
    motion = random_trajectory(np.random.default_rng(1), length)
    steps = np.linalg.norm(np.diff(motion.offsets, axis=0), axis=1)
    assert length * 0.95 < steps.sum() <= length + 1e-9
    assert steps.max() < 1.5
    assert not motion.rotates


def test_both_motions_at_once():
    both = line(3, 0).plus(Trajectory(line(0, 2).offsets, STILL + 0.1))
    assert np.allclose(both.offsets, line(3, 2).offsets)
    assert np.allclose(both.angles, 0.1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("defocus", [0.0, 1.5])
def test_kernels_are_not_negative_and_sum_to_one(seed, defocus):
    motion = random_trajectory(np.random.default_rng(seed), 60, 0.05)  # parts of it leave the kernel
    kernel = kernel_at(motion, (300.0, -200.0), 65, defocus)
    assert kernel.shape == (65, 65) and kernel.min() >= 0
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)


def test_no_motion_is_one_point_in_the_centre():
    kernel = kernel_at(Trajectory(np.zeros((SAMPLES, 2)), STILL), (0.0, 0.0), 9)
    assert kernel[4, 4] == 1 and kernel.sum() == 1


def test_a_motion_to_the_right_lies_in_the_middle_row():
    kernel = kernel_at(line(10, 0), (0.0, 0.0), 33)
    assert float(kernel[16].sum()) == pytest.approx(1, abs=1e-5)
    columns = kernel[16].nonzero().flatten()
    assert (int(columns[0]), int(columns[-1])) in ((6, 26), (6, 25))
    assert float(kernel[16].numpy() @ np.arange(33)) == pytest.approx(16, abs=1e-3)


def test_fractions_of_a_pixel_are_shared_between_neighbours():
    kernel = kernel_at(Trajectory(np.tile([0.25, -0.5], (SAMPLES, 1)), STILL), (0.0, 0.0), 5)
    assert np.allclose(kernel[1:3, 2:4], [[0.375, 0.125], [0.375, 0.125]], atol=1e-6)


def test_defocus_fills_a_disk():
    kernel = kernel_at(Trajectory(np.zeros((SAMPLES, 2)), STILL), (0.0, 0.0), 17, defocus=4.0).numpy()
    y, x = np.mgrid[-8:9, -8:9]
    assert kernel[np.hypot(x, y) > 5.5].sum() == 0
    assert (kernel * (x**2 + y**2)).sum() == pytest.approx(4.0**2 / 2, rel=0.1)  # of an even disk


def test_a_path_that_leaves_the_kernel_is_no_blur():
    kernel = kernel_at(Trajectory(np.full((SAMPLES, 2), 100.0), STILL), (0.0, 0.0), 9)
    assert kernel[4, 4] == 1


@pytest.mark.parametrize(
    ("position", "wanted"), [((100.0, 0.0), (0, 5)), ((0.0, 100.0), (-5, 0)), ((0.0, 0.0), (0, 0))]
)
def test_rotation_moves_what_is_far_from_the_centre(position, wanted):
    turned = Trajectory(np.zeros((SAMPLES, 2)), STILL + 0.05)  # 0.05 radians x 100 pixels, x towards y
    kernel = kernel_at(turned, position, 33).numpy()
    y, x = np.mgrid[-16:17, -16:17]
    assert ((kernel * x).sum(), (kernel * y).sum()) == pytest.approx(wanted, abs=0.15)
