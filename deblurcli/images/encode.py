"""Encoding a photograph in a format, fitting it to what the format can hold."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, features

from deblurcli.errors import OutputError
from deblurcli.images.colour import join_alpha, on_white, profile_fits, to_8_bits
from deblurcli.images.exif import without_orientation
from deblurcli.images.jpeg import encode_jpeg
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.pixels import Pixels

_WITH_16_BITS = {"PNG", "TIFF", "HEIF"}  # HEIF has 10, which is nearer to 16 than to 8
_WITH_ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "HEIF"}
_ALWAYS_COLOUR = {"WEBP"}
_GOOD_QUALITY = {"WEBP": 95, "AVIF": 90, "HEIF": 90}
_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536, "HEIF": 32767}


def encode(photo: Photo, format: str, quality: int | None) -> tuple[bytes, tuple[str, ...]]:
    """What `encode_photo` does, for a format known to be writable.

    Raises OutputError (without a file name) when the picture does not fit the format.
    """
    height, width = photo.pixels.shape[:2]
    if max(height, width) > _LARGEST_SIDE.get(format, 2**31):
        raise OutputError(f"{width} x {height} pixels is more than {format} can hold; write PNG or TIFF instead")
    if format in ("AVIF", "WEBP") and not features.check(format.lower()):
        raise OutputError(f"this Pillow is built without {format}; write PNG or JPEG, or run: pip install -U pillow")
    samples, metadata, notes = _fitted(photo, format)
    try:
        data, more = _encoded(samples, metadata, format, quality, same=format == photo.format)
    except MemoryError:
        raise OutputError(f"not enough memory to encode the result as {format}; close other programs") from None
    except OutputError:
        raise
    except Exception as problem:
        # Each encoder has errors of its own types.
        reason = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise OutputError(f"cannot be encoded as {format} ({reason}); write PNG or TIFF instead") from problem
    return data, (*notes, *more)


def _fitted(photo: Photo, format: str) -> tuple[Pixels, Metadata, tuple[str, ...]]:
    """The samples, alpha last, and metadata as the format can hold them, with notes on what had to go."""
    pixels, alpha, metadata = photo.pixels, photo.alpha, photo.metadata
    notes = []
    if alpha is not None and format not in _WITH_ALPHA:
        pixels, alpha = on_white(pixels, alpha), None
        notes.append(f"{format} has no transparency: put on a white background")
    if pixels.dtype == np.uint16 and format not in _WITH_16_BITS:
        pixels, alpha = to_8_bits(pixels), None if alpha is None else to_8_bits(alpha)
        notes.append(f"{format} has 8 bits a channel: rounded from 16")
    elif pixels.dtype == np.uint16 and format == "HEIF":
        notes.append("HEIF is written with 10 bits a channel: reduced from 16")
    # HEIF keeps plain grey, but has no grey with alpha.
    if pixels.ndim == 2 and (format in _ALWAYS_COLOUR or (format == "HEIF" and alpha is not None)):
        pixels = np.dstack([pixels] * 3)
    if metadata.icc and not profile_fits(metadata.icc, grey=pixels.ndim == 2):
        metadata = replace(metadata, icc=None)
        notes.append("its colour profile does not fit the pixels and was left out")
    if format == "BMP" and any((metadata.exif, metadata.icc, metadata.xmp, metadata.iptc)):
        notes.append("BMP holds no metadata: EXIF, colour profile and captions were left out")
    elif metadata.iptc and format not in ("JPEG", "TIFF"):
        notes.append(f"{format} holds no IPTC captions: they were left out")
    return join_alpha(pixels, alpha), metadata, tuple(notes)


def _encoded(
    samples: Pixels, metadata: Metadata, format: str, quality: int | None, *, same: bool
) -> tuple[bytes, tuple[str, ...]]:
    if format == "PNG":
        from deblurcli.images.png import encode_png

        return encode_png(samples, metadata), ()
    if format == "TIFF":
        from deblurcli.images.tiff import encode_tiff

        compression = metadata.tiff_compression if same else "deflate"
        return encode_tiff(samples, replace(metadata, tiff_compression=compression)), ()
    if format == "HEIF":
        from deblurcli.images.heif import encode_heif

        return encode_heif(samples, metadata, _GOOD_QUALITY[format] if quality is None else quality), ()
    image = Image.fromarray(samples)
    if format == "JPEG":
        return encode_jpeg(image, metadata, quality)
    file = io.BytesIO()
    image.save(file, format, **_pillow_options(metadata, format, quality))
    return file.getvalue(), ()


def _pillow_options(metadata: Metadata, format: str, quality: int | None) -> dict[str, Any]:
    if format == "BMP":
        return {"dpi": metadata.dpi} if metadata.dpi else {}
    exif = metadata.exif
    if exif and format == "AVIF":
        # Pillow takes the tag out itself, by writing the block anew and spoiling all text that is not ASCII.
        exif = without_orientation(exif)
    options: dict[str, Any] = {"exif": exif, "icc_profile": metadata.icc, "xmp": metadata.xmp}
    options = {key: value for key, value in options.items() if value}
    options["quality"] = _GOOD_QUALITY[format] if quality is None else quality
    if format == "AVIF":
        options["subsampling"] = "4:4:4"
    elif metadata.lossless and quality is None:
        # `exact` keeps the colours under full transparency, which lossless users expect to find again.
        options |= {"lossless": True, "exact": True, "quality": 75}
    return options
