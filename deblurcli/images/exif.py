"""Editing an EXIF block in place.

The block is patched byte by byte and never written anew: camera makers' private notes hold absolute offsets into it,
and a rewritten block would break them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from deblurcli.images.directory import byte_order, first_directory

_ORIENTATION = 0x0112
_EXIF_IFD = 0x8769
_PIXEL_X, _PIXEL_Y = 0xA002, 0xA003
_SHORT = 3
_PREFIX = b"Exif\0\0"


class _Entry(NamedTuple):
    tag: int
    type: int
    at: int  # where the entry's value, or the offset of its value, stands


def without_prefix(exif: bytes) -> bytes:
    """The bare EXIF block; JPEG, and some writers of other formats, put "Exif\\0\\0" before it."""
    return exif[len(_PREFIX) :] if exif.startswith(_PREFIX) else exif


def orientation_of(exif: bytes) -> int | None:
    """The Orientation tag (1..8) of an EXIF block, None without one or with a value that means nothing.

    Raises ValueError when the block is damaged.
    """
    order, first = _header(exif)
    for entry in _entries(exif, order, first):
        if entry.tag == _ORIENTATION and entry.type == _SHORT:
            (value,) = _unpack(order + "H", exif, entry.at)
            return value if 1 <= value <= 8 else None
    return None


def upright(exif: bytes, *, turned: bool) -> bytes:
    """The same EXIF block for a picture that has been turned upright.

    The Orientation becomes 1, and with `turned` (a quarter turn) the recorded width and height change places. The
    thumbnail is cut off: file browsers would go on showing the blurred picture, and turned twice.

    Raises ValueError when the block is damaged.
    """
    block = bytearray(exif)
    order, first = _header(exif)
    entries = list(_entries(exif, order, first))
    for entry in entries:
        if entry.tag == _ORIENTATION and entry.type == _SHORT:
            struct.pack_into(order + "H", block, entry.at, 1)
        elif entry.tag == _EXIF_IFD and turned:
            _swap_sizes(block, order, _unpack(order + "I", exif, entry.at)[0])
    link = first + 2 + 12 * len(entries)
    if link + 4 <= len(block):
        (thumbnail,) = _unpack(order + "I", exif, link)
        struct.pack_into(order + "I", block, link, 0)
        if thumbnail:
            _cut_thumbnail(block, order, thumbnail)
    return bytes(block)


def without_orientation(exif: bytes) -> bytes:
    """The same EXIF block with no Orientation tag at all; the entries after it move up."""
    order, first = _header(exif)
    entries = list(_entries(exif, order, first))
    for entry in entries:
        if entry.tag == _ORIENTATION:
            end = first + 2 + 12 * len(entries) + 4
            rest = exif[entry.at + 4 : end] + bytes(12)
            count = struct.pack(order + "H", len(entries) - 1)
            return exif[:first] + count + exif[first + 2 : entry.at - 8] + rest + exif[end:]
    return exif


def _swap_sizes(block: bytearray, order: str, start: int) -> None:
    sizes = {entry.tag: entry for entry in _entries(bytes(block), order, start) if entry.tag in (_PIXEL_X, _PIXEL_Y)}
    if len(sizes) == 2 and sizes[_PIXEL_X].type == sizes[_PIXEL_Y].type:
        x, y = sizes[_PIXEL_X].at, sizes[_PIXEL_Y].at
        block[x : x + 4], block[y : y + 4] = block[y : y + 4], block[x : x + 4]


def _cut_thumbnail(block: bytearray, order: str, start: int) -> None:
    """Remove the thumbnail's picture where it ends the block, as it usually does; elsewhere blank it."""
    places = {0x0201: 0, 0x0202: 0}
    for entry in _entries(bytes(block), order, start):
        if entry.tag in places:
            (places[entry.tag],) = _unpack(order + "I", block, entry.at)
    offset, length = places[0x0201], places[0x0202]
    if not offset or not length or offset + length > len(block):
        return
    if offset + length >= len(block) - 1:
        del block[offset:]
    else:
        block[offset : offset + length] = bytes(length)


def _header(exif: bytes) -> tuple[str, int]:
    return byte_order(exif), first_directory(exif)


def _entries(exif: bytes, order: str, start: int) -> Iterator[_Entry]:
    (count,) = _unpack(order + "H", exif, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = _unpack(order + "HH", exif, at)
        _unpack(order + "4x4x", exif, at + 4)
        yield _Entry(tag, kind, at + 8)


def _unpack(layout: str, block: bytes | bytearray, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, block, at)
    except struct.error:
        raise ValueError("the EXIF block is cut short") from None
