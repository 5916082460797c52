"""Photoshop's image resources, which JPEG and TIFF carry: IPTC captions among them, copyright flag, URL, paths."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

_IPTC, _RESOLUTION = 0x0404, 0x03ED
#: Thumbnails, EXIF, XMP and ICC profile: each is kept in a place of its own, or goes.
_ELSEWHERE = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424}
#: What describes channels beyond red, green and blue, layers, slices and coding of the file as it was.
_OF_THE_FILE = {0x03EE, 0x0400, 0x0402, 0x0406, 0x0415, 0x041A, 0x041D, 0x0430, 0x0435, 0x043C}
_PATHS = range(0x07D0, 0x0BB7)  # outlines, in parts of the picture's sides

Resource = tuple[int, bytes, bytes]  # number, name as it is stored, content


def resources_of(block: bytes) -> list[Resource]:
    """The resources of a block. What follows one that is cut short is not read."""
    return list(_walk(block))


def iptc_and_rest(block: bytes) -> tuple[bytes | None, bytes | None]:
    """The IPTC record of a block, and a block of what else of it describes the photograph; None for nothing."""
    iptc, rest = None, []
    for resource in _walk(block):
        number, _, content = resource
        if number == _IPTC:
            iptc = iptc or content
        elif number not in _ELSEWHERE | _OF_THE_FILE:
            rest.append(resource)
    return iptc or None, block_of(rest) or None


def block_of(resources: Iterable[Resource]) -> bytes:
    """A block of these resources."""
    return b"".join(
        b"8BIM"
        + struct.pack(">H", number)
        + name
        + struct.pack(">I", len(content))
        + content
        + b"\0" * (len(content) % 2)
        for number, name, content in resources
    )


def with_iptc(iptc: bytes | None, rest: bytes | None) -> bytes | None:
    """A block of an IPTC record and other resources; None for nothing."""
    return (block_of([(_IPTC, b"\0\0", iptc)] if iptc else []) + (rest or b"")) or None


def upright(block: bytes, *, turned: bool) -> tuple[bytes | None, tuple[str, ...]]:
    """The block for a picture that has been turned or mirrored, and the names of the parts that do not fit it."""
    if not turned:
        return block, ()
    found = resources_of(block)
    kept = [one for one in found if one[0] != _RESOLUTION and one[0] not in _PATHS]
    return block_of(kept) or None, ("Photoshop paths",) if any(one[0] in _PATHS for one in found) else ()


def _walk(block: bytes) -> Iterator[Resource]:
    at = 0
    while block[at : at + 4] in (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
        if at + 7 > len(block):
            return
        (number,) = struct.unpack_from(">H", block, at + 4)
        name_bytes = (block[at + 6] + 2) & ~1
        head = at + 6 + name_bytes
        if head + 4 > len(block):
            return
        (length,) = struct.unpack_from(">I", block, head)
        content = block[head + 4 : head + 4 + length]
        if len(content) < length:
            return
        yield number, block[at + 6 : head], content
        at = head + 4 + length + length % 2
