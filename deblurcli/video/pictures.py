"""A folder of pictures as a clip: every picture a frame, in the order of their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import ImageCms

from deblurcli.display import display_name, listed
from deblurcli.errors import InputError
from deblurcli.images import Photo, is_image_name, read_photo
from deblurcli.images.colour import on_white
from deblurcli.images.size import size_of
from deblurcli.video.clip import FOLDER, Clip, Colour

_SRGB = Colour(2, 0, 1, 13)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names, 2 before 10; hidden files are none."""

    def order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
        parts = re.split(r"(\d+)", path.name)
        return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], path.name

    shown = (path for path in folder.iterdir() if is_image_name(path) and not path.name.startswith("."))
    return sorted((path for path in shown if path.is_file()), key=order)


def clip_of(folder: Path, rate: Fraction) -> Clip:
    """The pictures of a folder, shown at a rate.

    Raises:
        InputError: if there are none, or they are not of one size.
    """
    name = display_name(folder)
    try:
        paths = pictures_in(folder)
    except OSError as problem:
        raise InputError(f"{name}: cannot be read ({problem.strerror})") from None
    if not paths:
        raise InputError(f"{name}: no pictures in it to make a video of")
    first = read_photo(paths[0])
    height, width = first.pixels.shape[:2]
    for path in paths:
        size = size_of(path)
        if size and sorted(size) != sorted((width, height)):
            raise InputError(
                f"{display_name(path)}: {size[0]} x {size[1]} pixels where the first has {width} x {height}"
            )
    deep = first.pixels.dtype == np.uint16
    cicp = first.metadata.cicp
    return Clip(
        path=folder,
        container=FOLDER,
        stream=0,
        codec="",
        tag="",
        profile="",
        width=width,
        height=height,
        pixel_format="gbrp16le" if deep else "gbrp",
        bits=16 if deep else 8,
        time_base=1 / rate,
        times=np.arange(len(paths), dtype=np.int64),
        rate=rate,
        regular=True,
        colour=Colour(2, 0, cicp.primaries, cicp.transfer) if cicp else _SRGB,
        mastering=None,
        light=None,
        aspect=None,
        display_matrix=None,
        fields="",
        quantiser=None,
        tracks=(),
        chapters=(),
        metadata={},
        stream_metadata={},
        left_out=("what is in the pictures' files beside their pixels", *_lost(first)),
    )


def _lost(photo: Photo) -> list[str]:
    """What of the first picture, and so of all, is seen and does not come into a video."""
    lost = []
    if photo.alpha is not None:
        lost.append("their transparency, which is shown on white")
    icc = photo.metadata.icc
    if icc and not photo.metadata.cicp:
        try:
            name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(BytesIO(icc))).strip()
        except (OSError, ImageCms.PyCMSError):
            name = "one that cannot be read"
        if not name.startswith(("sRGB", "IEC 61966-2", "IEC61966-2")):
            lost.append(f"their colour profile ({listed([name])}): the values are taken for sRGB")
    return lost


def frames_in(clip: Clip) -> Iterator[tuple[int, av.VideoFrame]]:
    """(number, frame) of every picture.

    Raises:
        InputError: for a picture that cannot be read, or is unlike the first.
    """
    for number, path in enumerate(pictures_in(clip.path)):
        frame = _frame(read_photo(path), clip, path)
        frame.pts, frame.time_base = number, clip.time_base
        yield number, frame


def _frame(photo: Photo, clip: Clip, path: Path) -> av.VideoFrame:
    pixels = photo.pixels if photo.alpha is None else on_white(photo.pixels, photo.alpha)
    pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, -1)
    deep = pixels.dtype == np.uint16
    if pixels.shape[:2] != (clip.height, clip.width) or deep != (clip.bits == 16):
        raise InputError(f"{display_name(path)}: of another size or depth than the first picture of the folder")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb48le" if deep else "rgb24")
    frame.color_range = 2
    return frame
