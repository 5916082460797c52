"""A folder of blurry/sharp pairs from a folder of sharp photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from deblurcli.errors import InputError, OutputError
from deblurcli.images import Photo, is_image_name, read_photo, write_photo
from deblurcli.images.colour import rgb8
from deblurcli.synthesis.blur import BlurSettings, blur_photo


def write_pairs(folder: Path, output: Path, settings: BlurSettings, count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Write `output`/blur/NAME.png and `output`/sharp/NAME.png for every photo of a folder; existing ones are replaced.

    Args:
        folder: sharp photos.
        output: made if missing.
        settings: of the blur.
        count: pairs per photo; with more than one, NAME gets a number.
        seed: decides every blur; a photo's blur depends on its place in the folder and on nothing else.

    Yields:
        (pairs written, pairs in all), after each.

    Raises:
        InputError: if the folder has no photos, or one cannot be read.
        OutputError: if a picture cannot be written.
    """
    paths = images_of(folder)
    try:
        for kind in ("blur", "sharp"):
            (output / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot make this folder ({error.strerror})") from error
    for index, path in enumerate(paths):
        sharp = rgb(read_photo(path))
        for version in range(count):
            name = f"{path.stem}.png" if count == 1 else f"{path.stem}-{version + 1}.png"
            blurry, truth = blur_photo(sharp, np.random.default_rng([seed, index, version]), settings)
            for kind, image in (("blur", blurry), ("sharp", truth)):
                photo = Photo(image.permute(1, 2, 0).numpy(), None, "PNG")
                write_photo(photo, output / kind / name, overwrite=True)
            yield index * count + version + 1, len(paths) * count


def rgb(photo: Photo) -> torch.Tensor:
    """(3, H, W) uint8; grey is repeated, 16 bits are rounded."""
    return torch.from_numpy(rgb8(photo)).permute(2, 0, 1)


def images_of(folder: Path) -> list[Path]:
    """The images directly in a folder, by name, sorted; InputError if there are none or no such folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    paths = sorted(path for path in folder.iterdir() if is_image_name(path))
    if not paths:
        raise InputError(f"{folder}: no images found")
    return paths
