"""Loading photos and pairs into memory for training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from deblurcli.errors import InputError
from deblurcli.images import read_photo
from deblurcli.synthesis.pairs import images_of, rgb
from deblurcli.training.data import MARGIN


def load_photos(folder: Path, crop: int) -> Iterator[Tensor]:
    """Every photo of a folder as (3, H, W) uint8 RGB, in the order of their names; too small ones are left out.

    Raises:
        InputError: if there are none, or one cannot be read.
    """
    found = False
    for path in images_of(folder):
        photo = rgb(read_photo(path))
        if min(photo.shape[1:]) >= crop + 2 * MARGIN:
            found = True
            yield photo
    if not found:
        raise InputError(f"{folder}: no photos of at least {crop + 2 * MARGIN} pixels on each side")


def load_pairs(folder: Path, smallest: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    """(blurry, sharp), (3, H, W) uint8 RGB, from `folder`/blur and `folder`/sharp, matched by name without suffix.

    Raises:
        InputError: if one is missing, of another size, smaller than `smallest` pixels, or cannot be read.
    """
    sharp = {path.stem: path for path in images_of(folder / "sharp")}
    for path in images_of(folder / "blur"):
        if path.stem not in sharp:
            raise InputError(f"{path}: has no partner of the same name in {folder / 'sharp'}")
        pair = rgb(read_photo(path)), rgb(read_photo(sharp[path.stem]))
        if pair[0].shape != pair[1].shape:
            raise InputError(f"{path}: is of another size than {sharp[path.stem]}")
        if min(pair[0].shape[1:]) < smallest:
            raise InputError(f"{path}: is smaller than the recipe's crop of {smallest} pixels; remove it")
        yield pair
