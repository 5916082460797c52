"""Compressing a picture to JPEG as gently as its source was, with its metadata in segments."""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image

from deblurcli.images import jpeg_tables, photoshop, xmp_extension
from deblurcli.images.jpeg import EXTENDED_XMP, ICC, PHOTOSHOP, XMP
from deblurcli.images.jpeg_segments import APP1, APP2, APP13, COMMENT, ROOM, with_segments
from deblurcli.images.parts import Encoded
from deblurcli.images.photo import Metadata

_TOO_LONG = "metadata is too long for JPEG and was left out"
_MOST_PIECES = 255
_LARGEST_DENSITY = 65535


def encode_jpeg(image: Image.Image, metadata: Metadata, quality: int | None) -> Encoded:
    """Encode an "L" or "RGB" image, with what JPEG's segments hold of the metadata.

    With no `quality` asked for, the source's own quantisation tables and subsampling are used, unless they would wipe
    out what was done to the picture (see `jpeg_tables`); without a JPEG source, quality 95 and full colour resolution.
    """
    options: dict[str, Any] = {"optimize": True}
    coding, note = metadata.jpeg, None
    if quality is None and coding is not None and 1 <= len(coding.tables) <= 4:
        tables, note = jpeg_tables.kept(coding)
        options |= {"qtables": tables, "progressive": coding.progressive}
        options["subsampling"] = coding.subsampling if coding.subsampling >= 0 else 0
    else:
        options |= {"quality": 95 if quality is None else quality, "subsampling": 0}
    held: dict[str, None] = {}
    reasons: dict[str, str] = {}
    if metadata.dpi and min(metadata.dpi) >= 1 and max(metadata.dpi) <= _LARGEST_DENSITY:
        options["dpi"] = metadata.dpi
        held["dpi"] = None
    elif metadata.dpi:
        reasons["dpi"] = "is beyond what JPEG can say and was left out"

    file = io.BytesIO()
    try:
        image.save(file, "JPEG", **options)
    except OSError:
        # Two passes need the whole file in a buffer whose size Pillow guesses, too small for pure noise.
        file = io.BytesIO()
        image.save(file, "JPEG", **{**options, "optimize": False, "progressive": False})
    segments = []
    for key, contents in _segments(metadata).items():
        if contents is None or any(len(content) > ROOM for _, content in contents):
            reasons[key] = _TOO_LONG
        else:
            segments += contents
            held[key] = None
    return Encoded(with_segments(file.getvalue(), segments), frozenset(held), reasons, (note,) if note else ())


def _segments(metadata: Metadata) -> dict[str, list[tuple[int, bytes]] | None]:
    """The segments for each part of the metadata, by its key; None for what cannot be made to fit."""
    found: dict[str, list[tuple[int, bytes]] | None] = {}
    if metadata.exif:
        found["exif"] = [(APP1, b"Exif\0\0" + metadata.exif)]
    if metadata.xmp:
        found["xmp"] = _xmp(metadata.xmp)
    if metadata.icc:
        found["icc"] = _icc(metadata.icc)
    iptc, rest = photoshop.with_iptc(metadata.iptc, None), metadata.photoshop
    if iptc and rest and len(PHOTOSHOP + iptc + rest) <= ROOM:  # as most programs write them
        iptc, found["photoshop"] = iptc + rest, []
    elif rest:
        found["photoshop"] = [(APP13, PHOTOSHOP + rest)]
    if iptc:
        found["iptc"] = [(APP13, PHOTOSHOP + iptc)]
    for marker, content in metadata.jpeg_segments:
        group = found.setdefault(f"jpeg_segments {marker:02x}", [])
        if group is not None:
            group.append((marker, content))
    comments = [text for text in metadata.texts if text.keyword == "Comment"]
    if comments:
        found["texts Comment"] = [
            (COMMENT, text.raw[1] if text.raw and text.raw[0] == b"COM" else text.text.encode()) for text in comments
        ]
    return found


def _xmp(packet: bytes) -> list[tuple[int, bytes]] | None:
    parts = xmp_extension.split(packet, ROOM - len(XMP))
    if parts is None:
        return None
    main, extension = parts
    chunks = xmp_extension.segments_of_extension(extension, ROOM - len(EXTENDED_XMP)) if extension else []
    return [(APP1, XMP + main), *((APP1, EXTENDED_XMP + chunk) for chunk in chunks)]


def _icc(profile: bytes) -> list[tuple[int, bytes]] | None:
    room = ROOM - len(ICC) - 2
    pieces = [profile[start : start + room] for start in range(0, len(profile), room)]
    if len(pieces) > _MOST_PIECES:
        return None
    return [(APP2, ICC + struct.pack("BB", number, len(pieces)) + piece) for number, piece in enumerate(pieces, 1)]
