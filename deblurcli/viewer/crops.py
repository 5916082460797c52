"""Pictures inside a page: the part of an image worth looking at, and images as `data:` addresses."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

CROP_WIDTH, CROP_HEIGHT = 768, 512  # lossless; seven triples of these from 1280x720 photos make a page of about 10 MB
THUMBNAIL = 240
BLOCK = 16  # pixels; how finely the crop is placed


@dataclass(frozen=True)
class Crop:
    """A rectangle of an image in pixels, the upper left corner first."""

    x: int
    y: int
    width: int
    height: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """That part of an (H, W, 3) image."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def most_changed(before: np.ndarray, after: np.ndarray, wide: int = CROP_WIDTH, high: int = CROP_HEIGHT) -> Crop:
    """Where two (H, W, 3) uint8 images differ most: a rectangle of `wide` x `high`, or as far as they go."""
    height, width = before.shape[:2]
    crop_height, crop_width = min(high, height), min(wide, width)
    rows, columns = (crop_height + BLOCK - 1) // BLOCK, (crop_width + BLOCK - 1) // BLOCK
    sums = _integral(before, after)
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    equal = np.argwhere(inside == inside.max())
    y, x = equal[np.argmin(np.square(equal - equal.mean(0)).sum(1))]  # so that a small change stands in the middle
    return Crop(
        min(int(x) * BLOCK, width - crop_width), min(int(y) * BLOCK, height - crop_height), crop_width, crop_height
    )


def _integral(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Absolute differences summed over all blocks above and left of each corner of a block: (rows + 1, columns + 1)."""
    height, width = before.shape[:2]
    by_row = []
    for top in range(0, height, BLOCK):  # by rows of blocks, for the differences of a huge image would not fit
        strip = slice(top, top + BLOCK)
        difference = np.abs(before[strip].astype(np.int16) - after[strip]).sum((0, 2), dtype=np.int64)
        by_row.append(np.add.reduceat(difference, np.arange(0, width, BLOCK)))
    return np.pad(np.cumsum(np.cumsum(by_row, 0), 1), ((1, 0), (1, 0)))


def lossless(image: np.ndarray) -> str:
    """An (H, W, 3) uint8 image as a `data:` address, every pixel as it is."""
    return data_address(webp(image, lossless=True, quality=50, method=3))  # of lossless WebP these only mean effort


def thumbnail(image: np.ndarray) -> str:
    """An (H, W, 3) uint8 image as a `data:` address, at most THUMBNAIL pixels wide and high, lossy."""
    return data_address(small(image))


def small(image: np.ndarray, icc: bytes | None = None) -> bytes:
    """An (H, W, 3) uint8 image as a WebP file, at most THUMBNAIL pixels wide and high, lossy."""
    return webp(image, icc, longest=THUMBNAIL, quality=80)


def webp(image: np.ndarray, icc: bytes | None = None, longest: int | None = None, **options: int) -> bytes:
    """An (H, W, 3) uint8 image as a WebP file, with the ICC profile of its colours if there is one.

    Args:
        longest: scale it down until neither side is longer.
        options: Pillow's for WebP.
    """
    from PIL import Image

    picture = Image.fromarray(image)
    if longest:
        picture.thumbnail((longest, longest))
    data = io.BytesIO()
    picture.save(data, "WEBP", icc_profile=icc, **options)
    return data.getvalue()


def data_address(data: bytes) -> str:
    """A WebP file as an address that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
