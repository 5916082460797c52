"""How a camera or an object moves while the shutter is open, and the blur kernels that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SAMPLES = 96  # points of time per exposure: less than half a pixel apart at 40 pixels of blur
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True)
class Trajectory:
    """A path during one exposure.

    Attributes:
        offsets: (SAMPLES, 2) displacement (x, y) in pixels. Zero at mid-exposure, because that is the moment the sharp
            frames of real data sets (GoPro, REDS) show: any other choice shifts the target by an unknown amount.
        angles: (SAMPLES,) rotation in radians about the image's centre of rotation, zero at mid-exposure.
    """

    offsets: np.ndarray
    angles: np.ndarray

    @property
    def rotates(self) -> bool:
        return bool(np.any(self.angles != 0))

    def plus(self, other: Trajectory) -> Trajectory:
        """Both motions at once: an object that moves while the camera shakes."""
        return Trajectory(self.offsets + other.offsets, self.angles + other.angles)


def random_trajectory(rng: np.random.Generator, length: float, max_angle: float = 0.0) -> Trajectory:
    """A random path of `length` pixels: smooth and nearly straight, curved, or a hand's tremor; speed varies along it.

    Args:
        rng: the source of all randomness.
        length: length of the path in pixels.
        max_angle: standard deviation of the rotation over the exposure, in radians; 0 for none.
    """
    time = np.linspace(-0.5, 0.5, SAMPLES)
    curvature = rng.normal(0, 1.2) if rng.random() < 0.5 else 0.0
    tremor = rng.choice([0.0, 0.15, 0.5])
    heading = rng.uniform(0, 2 * np.pi) + curvature * time
    heading = heading + np.cumsum(rng.normal(0, 2 * tremor / np.sqrt(SAMPLES), SAMPLES))
    speed = np.abs(1 + 0.5 * rng.normal() * 2 * time + 0.1 * rng.normal(size=SAMPLES))
    steps = np.stack([np.cos(heading) * speed, np.sin(heading) * speed], 1)
    path = np.cumsum(steps * (length / speed.sum()), 0)
    angles = np.zeros(SAMPLES)
    if max_angle > 0:
        angles = rng.normal(0, max_angle) * time + 0.3 * rng.normal(0, max_angle) * np.sin(2 * np.pi * time)
    middle = SAMPLES // 2
    return Trajectory(path - path[middle], angles - angles[middle])


def kernel_at(
    trajectory: Trajectory, position: tuple[float, float], size: int, defocus: float = 0.0, device: str = "cpu"
) -> Tensor:
    """The blur kernel at one place of the image.

    Args:
        trajectory: the motion.
        position: (x, y) in pixels from the centre of rotation.
        size: odd side of the kernel; points outside are dropped.
        defocus: radius in pixels of a disk that the motion is convolved with.
        device: where the kernel is wanted.

    Returns:
        (size, size) float32, not negative, sum 1; the displacement zero is at the centre.
    """
    x, y = position
    cos, sin = np.cos(trajectory.angles) - 1, np.sin(trajectory.angles)
    dx = trajectory.offsets[:, 0] + cos * x - sin * y
    dy = trajectory.offsets[:, 1] + sin * x + cos * y
    if defocus > 0:  # one point of a sunflower spiral per moment fills the disk evenly along the path
        index = np.arange(SAMPLES * 4)
        radius = defocus * np.sqrt((index * 0.618034) % 1)
        dx = np.repeat(dx, 4) + radius * np.cos(index * GOLDEN_ANGLE)
        dy = np.repeat(dy, 4) + radius * np.sin(index * GOLDEN_ANGLE)
    px, py = dx + size // 2, dy + size // 2
    inside = (px >= 0) & (px < size - 1) & (py >= 0) & (py < size - 1)
    px, py = px[inside], py[inside]
    column, row = px.astype(int), py.astype(int)
    fx, fy = px - column, py - row
    kernel = np.zeros((size, size), np.float32)
    for step_x, weight_x in ((0, 1 - fx), (1, fx)):
        for step_y, weight_y in ((0, 1 - fy), (1, fy)):
            np.add.at(kernel, (row + step_y, column + step_x), weight_x * weight_y)
    total = kernel.sum()
    if total == 0:  # the whole path left the kernel: no blur is the honest fallback
        kernel[size // 2, size // 2] = total = 1
    return torch.from_numpy(kernel / total).to(device)
