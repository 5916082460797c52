"""A blurry photograph from a sharp one: camera shake, objects that move on their own, a little defocus, a sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.synthesis.convolve import blur_along
from deblurcli.synthesis.sensor import add_noise, jpeg, soften, to_signal
from deblurcli.synthesis.trajectory import Trajectory, random_trajectory


@dataclass(frozen=True)
class BlurSettings:
    """How blurry, and how often which effect appears. Probabilities are per photo.

    Attributes:
        max_length: longest path of the camera, in pixels; lengths follow Beta(1.2, 2) below it.
        kernel_size: odd; motions that leave it are cut off.
        still: probability that the camera does not move, so that a network learns to leave sharp photos alone.
        soft: probability that the scene itself is soft: a lens, a video, a picture that was enlarged. That is to stay.
        max_soft: largest standard deviation of that softness in pixels.
        rotation: probability that the camera also rotates.
        max_angle: standard deviation of that rotation in radians.
        objects: probability that something moves on its own; then one to three layers do.
        defocus: probability of a little defocus, of at most `max_defocus` pixels' radius.
        linear: probability that light is averaged (real cameras); otherwise the signal is, as in the GoPro set.
        highlights: probability, in linear light, that bright spots are brighter than white and clip after the blur.
        noise: probability of shot and read noise.
        jpeg: probability of JPEG compression, of quality 60 to 97.
    """

    max_length: float = 40.0
    kernel_size: int = 65
    still: float = 0.03
    soft: float = 0.0
    max_soft: float = 1.0
    rotation: float = 0.3
    max_angle: float = 0.02
    objects: float = 0.4
    defocus: float = 0.2
    max_defocus: float = 1.5
    linear: float = 0.6
    highlights: float = 0.4
    noise: float = 0.5
    max_noise: float = 0.012
    jpeg: float = 0.3


def blur_photo(
    sharp: Tensor,
    rng: np.random.Generator,
    settings: BlurSettings,
    frame: tuple[int, int] | None = None,
    crop: int = 0,
) -> tuple[Tensor, Tensor]:
    """Blur a photo.

    Args:
        sharp: (3, H, W) uint8 RGB.
        rng: decides everything; the same state gives the same result.
        settings: what may happen.
        frame: (height, width) of the picture that `sharp` is a crop of, for the size of rotations; default its own.
        crop: pixels to cut off on every side afterwards, so that no border effect remains.

    Returns:
        blurry, sharp: (3, H - 2 crop, W - 2 crop) uint8 both. The sharp one is at mid-exposure.
    """
    gamma = 2.2 if rng.random() < settings.linear else 1.0
    scene = sharp.float() / 255
    if settings.soft and rng.random() < settings.soft:
        scene = soften(scene, float(rng.uniform(0, settings.max_soft)))
    light = scene**gamma
    if gamma > 1 and rng.random() < settings.highlights:
        light = light * rng.uniform(1.0, 1.8)
        light = light * (1 + rng.uniform(0, 4) * ((light.amax(0) - 0.8) / 0.2).clamp(0, 1))

    camera, defocus = random_camera(rng, settings)
    height, width = sharp.shape[-2:]
    centre = random_centre(rng, (height, width), frame or (height, width))

    def blurred(image: Tensor, motion: Trajectory) -> Tensor:
        return blur_along(image, motion, centre, settings.kernel_size, defocus)

    blurry = blurred(light, camera)
    if rng.random() < settings.objects:
        for _ in range(rng.integers(1, 4)):
            motion = camera.plus(random_trajectory(rng, random_length(rng, settings)))
            mask = random_mask(rng, height, width).to(light)
            both = blurred(torch.cat([light * mask, mask]), motion)
            blurry = blurry * (1 - both[3:]) + both[:3]

    if rng.random() < settings.noise:
        shot, read = rng.uniform(0, settings.max_noise, 2)
        blurry = add_noise(blurry, shot, read, rng)
    pixels, target = to_signal(blurry, gamma), to_signal(light, gamma)
    inner = (..., slice(crop, height - crop), slice(crop, width - crop))
    pixels, target = pixels[inner], target[inner]
    if rng.random() < settings.jpeg:
        pixels = jpeg(pixels, quality=int(rng.integers(60, 98)), subsampling=int(rng.choice([0, 2])))
    return pixels, target


def random_length(rng: np.random.Generator, settings: BlurSettings) -> float:
    return settings.max_length * float(rng.beta(1.2, 2.0))


def random_camera(rng: np.random.Generator, settings: BlurSettings) -> tuple[Trajectory, float]:
    """The camera's motion and the radius of the defocus in pixels."""
    length = 0.0 if rng.random() < settings.still else random_length(rng, settings)
    angle = settings.max_angle if length > 0 and rng.random() < settings.rotation else 0.0
    defocus = float(rng.uniform(0, settings.max_defocus)) if rng.random() < settings.defocus else 0.0
    return random_trajectory(rng, length, angle), defocus


def random_centre(rng: np.random.Generator, size: tuple[int, int], frame: tuple[int, int]) -> tuple[float, float]:
    """(x, y) of the frame's middle, seen from a crop of `size` at a random place in it."""
    (height, width), (frame_height, frame_width) = size, frame
    x = frame_width / 2 - rng.uniform(0, max(frame_width - width, 0))
    y = frame_height / 2 - rng.uniform(0, max(frame_height - height, 0))
    return float(x), float(y)


def random_mask(rng: np.random.Generator, height: int, width: int) -> Tensor:
    """A blob that covers part of the image, with an edge about a pixel soft: (1, H, W) in [0, 1]."""
    coarse = torch.from_numpy(rng.normal(size=(1, 1, 6, 6))).float()
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)[0]
    sharpness = max(height, width) / 6  # the field changes by about 1 over one coarse cell
    return ((smooth - rng.uniform(-0.3, 0.8)) * sharpness + 0.5).clamp(0, 1)
