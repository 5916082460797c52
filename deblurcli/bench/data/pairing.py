"""Images in folders, and which blurry one belongs to which sharp one: by name, and never by guessing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.images import is_image_name


@dataclass(frozen=True)
class Pair:
    """A blurry image and what it should have been.

    Attributes:
        name: unique in the data set, with "/" and without a suffix: "GOPR0384_11_00/000001".
        blurry: its file.
        truths: files of the true image; one, or in Koehler's set all frames of the trajectory in order.
    """

    name: str
    blurry: Path
    truths: tuple[Path, ...]


def images_below(folder: Path, marker: str = "") -> dict[str, Path]:
    """All images of a folder and of those below, by path below it without the suffix. Hidden ones do not count.

    Args:
        folder: where to look.
        marker: regular expression of what tells partners' names apart, left out of the names.

    Raises:
        InputError: if two have the same name.
    """
    images: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if is_image_name(path) and not any(part.startswith(".") for part in below.parts) and path.is_file():
            name = below.with_suffix("").as_posix()
            add_image(images, display_name(re.sub(marker, "", name) if marker else name), path)
    return images


def add_image(images: dict[str, Path], name: str, path: Path) -> None:
    """Enter an image under its name. Raises InputError if the name is taken: which one is meant cannot be told."""
    if name in images:
        first, second = display_name(images[name]), display_name(path)
        raise InputError(f"{first} and {second}: two images of the same name; remove one")
    images[name] = path


def join(
    blurry: Mapping[str, Path], sharp: Mapping[str, Path], folders: tuple[str, str], *, spare: bool
) -> tuple[Pair, ...]:
    """Partners of the same name, in natural order.

    Args:
        blurry: name -> file, at least one.
        sharp: name -> file, at least one.
        folders: what the error calls the two.
        spare: whether there may be sharp images without a blurry one; they are left out.

    Raises:
        InputError: if an image has no partner, with both counts and the first such image.
    """
    alone = [path for name, path in blurry.items() if name not in sharp]
    if not spare:
        alone += [path for name, path in sharp.items() if name not in blurry]
    if alone:
        here, there = map(display_name, folders)
        first = min(map(display_name, alone), key=natural)
        raise InputError(
            f"{first}: has no partner of its name; {here} has {len(blurry)} images, {there} {len(sharp)}, "
            f"and {len(alone)} are without"
        )
    return tuple(Pair(name, blurry[name], (sharp[name],)) for name in sorted(blurry, key=natural))


def natural(name: str) -> tuple[list[str | int], str]:
    """Sort key that puts "2" before "10"."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], name
