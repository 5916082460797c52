"""Decoding the content of a photograph's file, whichever its format."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, JpegImagePlugin, features

from deblurcli.errors import InputError
from deblurcli.images.colour import channels_of
from deblurcli.images.exif import without_prefix
from deblurcli.images.jpeg import coding_of, iptc_of
from deblurcli.images.jpeg_stream import END, read_stream, refuse_unreadable
from deblurcli.images.jpeg_whole import refuse_incomplete
from deblurcli.images.limits import check_size
from deblurcli.images.orientation import turn_upright
from deblurcli.images.photo import Metadata, Photo

_settings = threading.Lock()
_readers = 0
_before: list[Any] = []  # Pillow's limit and Python's way with warnings, while there are readers


def decode(data: bytes, format: str) -> Photo:
    """Decode a file of a format that `formats.identify` names.

    Raises InputError (without a file name) for what is not one ordinary photograph; a damaged file may raise anything.
    """
    with quiet_pillow():
        if format == "PNG":
            from deblurcli.images.png import decode_png

            photo = decode_png(data)
        elif format == "TIFF":
            from deblurcli.images.tiff import decode_tiff

            photo = decode_tiff(data)
        elif format == "HEIF":
            from deblurcli.images.heif import decode_heif

            photo = decode_heif(data)
        else:
            photo = _decode_with_pillow(data, format)
    return turn_upright(photo, stored_upright=format == "HEIF")  # libheif turns as it decodes


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


def _decode_with_pillow(data: bytes, format: str) -> Photo:
    if format in ("AVIF", "WEBP") and not features.check(format.lower()):
        raise InputError(f"this Pillow is built without {format}; install a newer one: pip install -U pillow")
    if format == "JPEG":
        stream = read_stream(data)
        refuse_unreadable(stream)
        data = data if stream.ended else data + END
    with Image.open(io.BytesIO(data), formats=[format]) as image:
        check_size(*image.size)
        if format == "JPEG":
            refuse_incomplete(stream)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and format != "JPEG":
            raise InputError(f"an animation of {frames} frames; save one frame as a picture first")
        image.load()
        channels = channels_of(image, image.info.get("icc_profile") or None)
        metadata = _metadata(image, data, channels.icc)
    notes = channels.notes
    if format == "AVIF" and _av1_has_more_than_8_bits(data):
        notes = (*notes, "its 10 or 12 bits were read as 8")
    if format == "GIF":
        return Photo(channels.pixels, channels.alpha, "PNG", metadata, notes)
    return Photo(channels.pixels, channels.alpha, format, metadata, notes)


def _metadata(image: Image.Image, data: bytes, icc: bytes | None) -> Metadata:
    info: dict[Any, Any] = image.info
    exif, xmp, dpi = info.get("exif"), info.get("xmp"), info.get("dpi")
    is_jpeg = isinstance(image, JpegImagePlugin.JpegImageFile)
    return Metadata(
        exif=without_prefix(exif) if exif else None,
        icc=icc,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
        iptc=iptc_of(image) if is_jpeg else None,
        # A JPEG without a density of its own gets Pillow's guess from EXIF, or nothing sensible.
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(value > 0 for value in dpi) else None,
        comment=info.get("comment") if is_jpeg and isinstance(info.get("comment"), bytes) else None,
        jpeg=coding_of(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else None,
        lossless=image.format == "WEBP" and _webp_is_lossless(data),
    )


def _webp_is_lossless(data: bytes) -> bool:
    """Whether the picture's chunk is VP8L; a lossy picture has VP8 instead."""
    at = 12
    while at + 8 <= len(data):
        kind = data[at : at + 4]
        if kind in (b"VP8L", b"VP8 "):
            return kind == b"VP8L"
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return False


def _av1_has_more_than_8_bits(data: bytes) -> bool:
    configuration = data.find(b"av1C")
    return configuration >= 0 and bool(data[configuration + 6] & 0x40)
