"""A picture to time on, made from nothing."""

from __future__ import annotations

from functools import cache

import numpy as np

TILE = 1024


def sample_picture(width: int, height: int) -> np.ndarray:
    """A picture that costs about as much to decode and encode as a photo: (height, width, 3) uint8 RGB.

    Clouds with a photo's spectrum, hard edges, lines that look like small print, and a little sensor noise. It is the
    same every time; beyond 1024 pixels it goes on mirrored.
    """
    rows, columns = mirrored(height), mirrored(width)
    picture: np.ndarray = tile()[rows][:, columns]
    return picture


def mirrored(length: int) -> np.ndarray:
    """For every pixel of a side the one of the tile: 0, 1, ..., 1023, 1023, ..., 1, 0, 0, 1, ..."""
    index = np.arange(length) % (2 * TILE)
    nearest: np.ndarray = np.minimum(index, 2 * TILE - 1 - index)
    return nearest


@cache
def tile() -> np.ndarray:
    """(1024, 1024, 3) uint8, read-only."""
    generator = np.random.default_rng(1)
    picture = clouds(generator)
    draw_shapes(picture, generator)
    draw_print(picture, generator)
    picture += generator.normal(0, 1.2, picture.shape)
    result: np.ndarray = np.rint(picture).clip(0, 255).astype(np.uint8)
    result.flags.writeable = False
    return result


def clouds(generator: np.random.Generator) -> np.ndarray:
    """Noise whose amplitude falls with the frequency, as in photos; less of it in the colours than in the grey."""
    y, x = np.fft.fftfreq(TILE)[:, None, None], np.fft.rfftfreq(TILE)[None, :, None]
    frequency = np.maximum(np.hypot(y, x), 1 / TILE)
    waves = np.fft.rfft2(generator.normal(size=(TILE, TILE, 4)), axes=(0, 1)) / frequency**1.4
    planes = np.fft.irfft2(waves, axes=(0, 1))
    planes /= planes.std((0, 1))
    picture: np.ndarray = 120 + 40 * planes[..., 3:] + 12 * planes[..., :3]
    return picture


def draw_shapes(picture: np.ndarray, generator: np.random.Generator) -> None:
    """Discs of plain colours, half of them translucent."""
    y, x = np.mgrid[:TILE, :TILE]
    for index in range(40):
        top, left = generator.integers(0, TILE, 2)
        inside = np.hypot(y - top, x - left) < generator.integers(10, 90)
        colour, cover = generator.uniform(20, 235, 3), 1.0 if index % 2 else 0.5
        picture[inside] += cover * (colour - picture[inside])


def draw_print(picture: np.ndarray, generator: np.random.Generator) -> None:
    """Blocks of dark characters, 5x7 dots each, on light ground."""
    for top, left in generator.integers(0, TILE - 200, (6, 2)):
        dots = generator.random((12, 24, 7, 5)) < 0.45
        lines = np.pad(dots, ((0, 0), (0, 0), (1, 3), (1, 1)))  # gaps between characters, wider ones between lines
        page = lines.transpose(0, 2, 1, 3).reshape(12 * 11, 24 * 7)
        picture[top : top + page.shape[0], left : left + page.shape[1]] = np.where(page[..., None], 40.0, 225.0)
