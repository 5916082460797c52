"""Loading photos and pairs into memory for training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    yield from ((blurry, sharp) for blurry, sharp in beside_blurry(folder, ["sharp"], smallest))


def load_training_pairs(
    folders: Iterable[Path], smallest: int
) -> tuple[list[tuple[Tensor, Tensor]], dict[int, Tensor]]:
    """The pairs of several folders, one after another, and by their index what a teacher made of the blurry images.

    That is read from `folder`/taught, where there is such a folder: (3, H, W) uint8 RGB.

    Raises:
        InputError: if a partner is missing, of another size, smaller than `smallest` pixels, or cannot be read.
    """
    pairs: list[tuple[Tensor, Tensor]] = []
    taught: dict[int, Tensor] = {}
    for folder in folders:
        names = ["sharp", "taught"] if (folder / "taught").is_dir() else ["sharp"]
        for blurry, sharp, *others in beside_blurry(folder, names, smallest):
            if others:
                taught[len(pairs)] = others[0]
            pairs.append((blurry, sharp))
    return pairs, taught


def beside_blurry(folder: Path, names: Sequence[str], smallest: int) -> Iterator[list[Tensor]]:
    """Each image of `folder`/blur, and those of the same stem in the folders called `names`.

    Raises:
        InputError: if one is missing, of another size, smaller than `smallest` pixels, or cannot be read.
    """
    beside = {name: {path.stem: path for path in images_of(folder / name)} for name in names}
    for path in images_of(folder / "blur"):
        images = [rgb(read_photo(path))]
        for name, paths in beside.items():
            if path.stem not in paths:
                raise InputError(f"{path}: has no partner of the same name in {folder / name}")
            images.append(rgb(read_photo(paths[path.stem])))
            if images[-1].shape != images[0].shape:
                raise InputError(f"{path}: is of another size than {paths[path.stem]}")
        if min(images[0].shape[1:]) < smallest:
            raise InputError(f"{path}: is smaller than the recipe's crop of {smallest} pixels; remove it")
        yield images
