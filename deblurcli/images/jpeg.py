"""What a JPEG file says beside its picture, and compressing a picture as gently as its source was."""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image, JpegImagePlugin

from deblurcli.images.photo import JpegCoding, Metadata

_MARKER_ROOM = 65533
_XMP_ROOM = _MARKER_ROOM - 29
_IPTC_RESOURCE = 0x0404


def coding_of(image: JpegImagePlugin.JpegImageFile) -> JpegCoding | None:
    """How an opened JPEG was compressed; None for CMYK, whose tables fit no other colours."""
    if image.mode not in ("L", "RGB"):
        return None
    tables = tuple(tuple(image.quantization[index]) for index in sorted(image.quantization))
    progressive = bool(image.info.get("progressive"))
    return JpegCoding(tables, JpegImagePlugin.get_sampling(image), progressive)


def iptc_of(image: Image.Image) -> bytes | None:
    """The IPTC record (captions, keywords, credits) of an opened JPEG, which Photoshop's segment wraps."""
    resources = image.info.get("photoshop")
    record = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else None
    return record if isinstance(record, bytes) and record else None


def encode_jpeg(image: Image.Image, metadata: Metadata, quality: int | None) -> tuple[bytes, tuple[str, ...]]:
    """Encode an "L" or "RGB" image; returns the file and notes on metadata too long for JPEG's segments.

    With no `quality` asked for, the source's own quantisation tables and subsampling are used; without a JPEG
    source, quality 95 and full colour resolution.
    """
    options: dict[str, Any] = {"optimize": True}
    coding = metadata.jpeg
    if quality is None and coding is not None and 1 <= len(coding.tables) <= 4:
        options |= {"qtables": [list(table) for table in coding.tables], "progressive": coding.progressive}
        options["subsampling"] = coding.subsampling if coding.subsampling >= 0 else 0
    else:
        options |= {"quality": 95 if quality is None else quality, "subsampling": 0}

    notes = []
    for key, name, content, room in (
        ("exif", "EXIF", metadata.exif and b"Exif\0\0" + metadata.exif, _MARKER_ROOM),
        ("xmp", "XMP", metadata.xmp, _XMP_ROOM),
        ("comment", "comment", metadata.comment, _MARKER_ROOM),
        ("extra", "IPTC", metadata.iptc and _iptc_segment(metadata.iptc), _MARKER_ROOM),
    ):
        if content and len(content) <= room:
            options[key] = content
        elif content:
            notes.append(f"its {name} metadata is too long for JPEG and was left out")
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    if metadata.dpi:
        options["dpi"] = metadata.dpi

    file = io.BytesIO()
    try:
        image.save(file, "JPEG", **options)
    except OSError:
        # Two passes need the whole file in a buffer whose size Pillow guesses, too small for pure noise.
        file = io.BytesIO()
        image.save(file, "JPEG", **{**options, "optimize": False, "progressive": False})
    return file.getvalue(), tuple(notes)


def _iptc_segment(record: bytes) -> bytes:
    resource = struct.pack(">4sHHI", b"8BIM", _IPTC_RESOURCE, 0, len(record)) + record + b"\0" * (len(record) % 2)
    content = b"Photoshop 3.0\0" + resource
    # An impossible length is refused by the caller's check before the segment is used.
    return b"\xff\xed" + struct.pack(">H", min(len(content) + 2, 0xFFFF)) + content
