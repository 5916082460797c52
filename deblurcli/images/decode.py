"""Decoding the content of a photograph's file, whichever its format."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from PIL import Image, features

from deblurcli.errors import InputError
from deblurcli.images import avif, bmp, gif, webp
from deblurcli.images.colour import Channels, channels_of
from deblurcli.images.exif import without_prefix
from deblurcli.images.filling import refuse_filling
from deblurcli.images.heif_parts import refuse_matrix
from deblurcli.images.isobmff import container_of
from deblurcli.images.jpeg import decode_jpeg
from deblurcli.images.limits import check_size
from deblurcli.images.orientation import turn_upright
from deblurcli.images.photo import Metadata, Photo

_SHORTEST_PROFILE = 128  # the header
_settings = threading.Lock()
_readers = 0
_before: list[Any] = []  # Pillow's limit and Python's way with warnings, while there are readers


def decode(data: bytes, format: str) -> Photo:
    """Decode a file of a format that `formats.identify` names.

    Raises InputError (without a file name) for what is not one ordinary photograph; a damaged file may raise anything.
    """
    try:
        photo, lies = _decoded(data, format)
    except InputError:
        raise
    except Exception:
        if format in ("AVIF", "HEIF"):
            refuse_matrix(container_of(data))
        raise
    return turn_upright(_with_sound_profile(photo), lies)


def _decoded(data: bytes, format: str) -> tuple[Photo, int | None]:
    """The photo, and how it lies where its container says so."""
    lies: int | None = None
    if format in ("AVIF", "HEIF", "WEBP"):
        refuse_filling(data, format)
    with quiet_pillow():
        if format == "PNG":
            from deblurcli.images.png import decode_png

            photo = decode_png(data)
        elif format == "TIFF":
            from deblurcli.images.tiff import decode_tiff

            photo = decode_tiff(data)
        elif format == "HEIF":
            from deblurcli.images.heif import decode_heif

            photo, lies = decode_heif(data), 1  # libheif turns as it decodes
        elif format == "JPEG":
            photo = decode_jpeg(data)
        else:
            photo, lies = _decode_with_pillow(data, format)
    return photo, lies


def _with_sound_profile(photo: Photo) -> Photo:
    """The photo without a colour profile that is cut short, which encoders and viewers would stumble over."""
    icc = photo.metadata.icc
    if icc is None or (len(icc) >= _SHORTEST_PROFILE and int.from_bytes(icc[:4], "big") <= len(icc)):
        return photo
    notes = (*photo.notes, "its colour profile is damaged and was left out")
    return replace(photo, metadata=replace(photo.metadata, icc=None), notes=notes)


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Pillow without warnings on the terminal, and with our size limit in place of its own.

    Both are settings of the whole process: the first reader makes them, and the last one to end takes them back, so
    that no reader waits for another. Pillow's own limit is below what medium format cameras and stitched panoramas
    have.
    """
    global _readers
    with _settings:
        if not _readers:
            silence = warnings.catch_warnings()
            silence.__enter__()
            warnings.simplefilter("ignore")
            _before[:] = [silence, Image.MAX_IMAGE_PIXELS]
            Image.MAX_IMAGE_PIXELS = None
        _readers += 1
    try:
        yield
    finally:
        with _settings:
            _readers -= 1
            if not _readers:
                silence, Image.MAX_IMAGE_PIXELS = _before
                silence.__exit__(None, None, None)


def _decode_with_pillow(data: bytes, format: str) -> tuple[Photo, int | None]:
    """The photo, and how it lies where the container says so, which then counts more than EXIF."""
    if format in ("AVIF", "WEBP") and not features.check(format.lower()):
        raise InputError(f"this Pillow is built without {format}; install a newer one: pip install -U pillow")
    plain = avif.plain(data) if format == "AVIF" else data
    with Image.open(io.BytesIO(plain), formats=[format]) as image:
        width, height = image.size
        check_size(width, height, avif.bytes_per_pixel(data) if format == "AVIF" else 4)
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise InputError(f"an animation of {frames} frames; restore it by itself, or its folder with --videos")
        image.load()
        metadata, notes, parts, lies = _described(image, data)
        if format == "AVIF" and metadata.bits > 8:
            channels = Channels(*avif.all_bits(plain, metadata.bits), metadata.icc)
        else:
            channels = channels_of(image, metadata.icc)
    metadata = replace(metadata, icc=channels.icc)
    name = "PNG" if format == "GIF" else format
    return Photo(channels.pixels, channels.alpha, name, metadata, (*channels.notes, *notes), parts), lies


def _described(image: Image.Image, data: bytes) -> tuple[Metadata, tuple[str, ...], tuple[str, ...], int | None]:
    """The metadata, notes on it, the names of the parts that have no place in it, and how the picture lies."""
    info: dict[Any, Any] = image.info
    exif, xmp, dpi = (info.get(key) for key in ("exif", "xmp", "dpi"))
    metadata = Metadata(
        exif=without_prefix(exif) if exif else None,
        icc=info.get("icc_profile") or None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(value > 0 for value in dpi) else None,
    )
    match image.format:
        case "AVIF":
            return avif.described(data, metadata)
        case "WEBP":
            return replace(metadata, lossless=webp.is_lossless(data)), (), webp.parts_beside(data), None
        case "BMP":
            metadata, parts = bmp.described(data, metadata)
            return metadata, (), parts, None
    metadata, parts = gif.described(data, metadata)
    return metadata, (), parts, None
