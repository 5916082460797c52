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
from deblurcli.images.limits import check_size
from deblurcli.images.orientation import turn_upright
from deblurcli.images.photo import Metadata, Photo

_one_at_a_time = threading.Lock()


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

    Both are settings of the whole process, so one thread decodes at a time. Pillow's own limit is below what medium
    format cameras and stitched panoramas have.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decode_with_pillow(data: bytes, format: str) -> Photo:
    if format in ("AVIF", "WEBP") and not features.check(format.lower()):
        raise InputError(f"this Pillow is built without {format}; install a newer one: pip install -U pillow")
    # A camera's JPEG with a second preview picture is "MPO" to Pillow; the first picture is the photograph.
    with Image.open(io.BytesIO(data), formats=["JPEG", "MPO"] if format == "JPEG" else [format]) as image:
        check_size(*image.size)
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
