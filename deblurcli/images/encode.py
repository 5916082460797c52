"""Encoding a photograph in a format, fitting it to what the format can hold."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from deblurcli.errors import OutputError
from deblurcli.images.capacity import refuse_impossible
from deblurcli.images.carried import carried_by
from deblurcli.images.colour import join_alpha, on_white, to_8_bits
from deblurcli.images.decode import quiet_pillow
from deblurcli.images.parts import Encoded, keys_of, losses
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.pixels import Pixels

# The most that are written; elsewhere 8. Of HEIC not many programs read more than 10, so 12 only where there were 12.
_BITS = {"PNG": 16, "TIFF": 16, "AVIF": 12, "HEIF": 10}
_BITS_OF_SAME = {**_BITS, "HEIF": 12}
_WITH_ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "HEIF"}
_ALWAYS_COLOUR = {"WEBP"}
_GOOD_QUALITY = {"WEBP": 95, "HEIF": 90}
_LARGEST_BMP_DENSITY = 50_000_000  # a signed number of 32 bits, by the metre


def encode(photo: Photo, format: str, quality: int | None) -> tuple[bytes, tuple[str, ...]]:
    """What `encode_photo` does, for a format known to be writable.

    Raises OutputError (without a file name) when the picture does not fit the format.
    """
    height, width = photo.pixels.shape[:2]
    refuse_impossible(format, width, height)
    samples, grey, notes = _fitted(photo, format)
    carried = carried_by(photo.metadata, format, grey=grey)
    same = format == photo.format
    metadata = replace(
        carried.metadata,
        bits=min(carried.metadata.bits, _most_bits(photo, format)),
        tiff_compression=carried.metadata.tiff_compression if same else "deflate",
        lossless=carried.metadata.lossless and same,
    )
    try:
        with quiet_pillow():  # which reads the EXIF it is given, and would complain of it on the terminal
            encoded = _ENCODERS[format](samples, metadata, quality)
    except MemoryError:
        raise OutputError(f"not enough memory to encode the result as {format}; close other programs") from None
    except OutputError:
        raise
    except Exception as problem:
        # Each encoder has errors of its own types, and words that mean nothing to a user.
        raise OutputError(f"cannot be encoded as {format}; write PNG or TIFF instead") from problem
    return encoded.data, (*notes, *encoded.notes, *losses(photo, format, carried.settled(encoded)))


def _fitted(photo: Photo, format: str) -> tuple[Pixels, bool, tuple[str, ...]]:
    """The samples as the format can hold them, alpha last, whether they are grey, and notes on what had to go."""
    pixels, alpha = photo.pixels, photo.alpha
    notes = []
    if alpha is not None and format not in _WITH_ALPHA:
        pixels, alpha = on_white(pixels, alpha), None
        notes.append(f"{format} has no transparency: put on a white background")
    if pixels.dtype == np.uint16:
        bits, most = photo.metadata.bits if photo.metadata.bits > 8 else 16, _most_bits(photo, format)
        if most == 8:
            pixels, alpha = to_8_bits(pixels), None if alpha is None else to_8_bits(alpha)
            notes.append(f"{format} has 8 bits a channel: rounded from {bits}")
        elif bits > most:
            notes.append(f"{format} is written with {most} bits a channel: reduced from {bits}")
    # HEIF keeps plain grey, but has no grey with alpha.
    if pixels.ndim == 2 and (format in _ALWAYS_COLOUR or (format == "HEIF" and alpha is not None)):
        pixels = np.dstack([pixels] * 3)
    return join_alpha(pixels, alpha), pixels.ndim == 2, tuple(notes)


def _most_bits(photo: Photo, format: str) -> int:
    return (_BITS_OF_SAME if photo.format == format else _BITS).get(format, 8)


def _png(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    from deblurcli.images.png_write import encode_png

    return encode_png(samples, metadata)


def _tiff(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    from deblurcli.images.tiff_write import encode_tiff

    return encode_tiff(samples, metadata)


def _heif(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    from deblurcli.images.heif import encode_heif

    return encode_heif(samples, metadata, _GOOD_QUALITY["HEIF"] if quality is None else quality)


def _jpeg(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    from deblurcli.images.jpeg_write import encode_jpeg

    return encode_jpeg(Image.fromarray(samples), metadata, quality)


def _avif(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    from deblurcli.images.avif_write import encode_avif

    return encode_avif(samples, metadata, quality)


def _bmp(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    file = io.BytesIO()
    dpi = metadata.dpi if metadata.dpi and max(metadata.dpi) < _LARGEST_BMP_DENSITY else None
    Image.fromarray(samples).save(file, "BMP", **({"dpi": dpi} if dpi else {}))
    return Encoded(file.getvalue(), keys_of(metadata, "dpi") if dpi else frozenset())


def _webp(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    options: dict[str, Any] = {"exif": metadata.exif, "icc_profile": metadata.icc, "xmp": metadata.xmp}
    options = {key: value for key, value in options.items() if value}
    options["quality"] = _GOOD_QUALITY["WEBP"] if quality is None else quality
    if metadata.lossless and quality is None:
        # `exact` keeps the colours under full transparency, which lossless users expect to find again.
        options |= {"lossless": True, "exact": True, "quality": 75}
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "WEBP", **options)
    return Encoded(file.getvalue(), keys_of(metadata, "exif", "icc", "xmp"))


_ENCODERS: dict[str, Callable[[Pixels, Metadata, int | None], Encoded]] = {
    "PNG": _png,
    "TIFF": _tiff,
    "HEIF": _heif,
    "JPEG": _jpeg,
    "AVIF": _avif,
    "BMP": _bmp,
    "WEBP": _webp,
}
