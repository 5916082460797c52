"""Editing an EXIF block in place.

The block is patched byte by byte and never written anew: camera makers' private notes hold absolute offsets into it,
and a rewritten block would break them.
"""

from __future__ import annotations

import contextlib
import struct

from deblurcli.images.directory import (
    EXIF,
    GPS,
    SUB_DIRECTORIES,
    Entry,
    entries_at,
    first_directory,
    layout_of,
    raw_entries,
    unpack,
    whole_number,
)

ORIENTATION = 0x0112
_PAIRS = ((0x0100, 0x0101), (0x011A, 0x011B), (0xA002, 0xA003))  # of width and height: sizes, and resolutions
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
_RESOLUTIONS, _UNIT = (0x011A, 0x011B), 0x0128
_INCHES = {2: 1.0, 3: 1 / 2.54}
_PREFIX = b"Exif\0\0"
_NAMES = {EXIF: "camera data", GPS: "GPS data"}


def without_prefix(exif: bytes) -> bytes:
    """The bare EXIF block; JPEG, and some writers of other formats, put "Exif\\0\\0" before it."""
    return exif[len(_PREFIX) :] if exif.startswith(_PREFIX) else exif


def orientation_of(exif: bytes) -> int | None:
    """The Orientation tag (1..8) of an EXIF block, of any integer type, as viewers take it.

    None without one or with a value that means nothing. Of a block that is cut short, what is there counts. Raises
    ValueError for what is no EXIF block.
    """
    order, at = layout_of(exif).order, first_directory(exif)
    (count,) = unpack(order + "H", exif, at)
    for place in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, place)
        if tag == ORIENTATION and number:
            value = whole_number(Entry(kind, number, exif[place + 8 : place + 12]), order)
            return value if value is not None and 1 <= value <= 8 else None
    return None


def upright(exif: bytes, *, turned: bool) -> tuple[bytes, tuple[str, ...]]:
    """The same EXIF block for a picture that has been turned upright, and notes on what of it is damaged.

    The Orientation becomes 1, and with `turned` (a quarter turn) the recorded sizes and resolutions change places. The
    thumbnail is cut off: file browsers would go on showing the blurred picture, and turned twice. A link to a directory
    that is not there is taken out; the rest of the block stays.

    Raises ValueError when the main directory is damaged.
    """
    block, notes = bytearray(exif), []
    layout, first = layout_of(exif), first_directory(exif)
    order = layout.order
    if layout.big:
        raise ValueError("an EXIF block is no BigTIFF")
    places = raw_entries(exif, first)
    for tag, place in places:
        if tag == ORIENTATION:
            struct.pack_into(order + "HHIHH", block, place, ORIENTATION, 3, 1, 1, 0)
    if turned:
        _swap_pairs(block, first)
    inner = unpack(order + "I", exif, dict(places)[EXIF] + 8)[0] if EXIF in dict(places) else first
    if turned and inner != first:
        with contextlib.suppress(ValueError):
            _swap_pairs(block, inner)
    link = first + 2 + 12 * len(places)
    if link + 4 <= len(block):
        (thumbnail,) = unpack(order + "I", exif, link)
        struct.pack_into(order + "I", block, link, 0)
        if thumbnail:
            with contextlib.suppress(ValueError):  # a link to nowhere, which is gone now
                _cut_thumbnail(block, order, thumbnail)
    result = bytes(block)
    for tag, place in places:
        if tag in SUB_DIRECTORIES and not _leads_below(exif, first, unpack(order + "I", exif, place + 8)[0]):
            result = without(result, tag)
            notes.append(f"the {_NAMES.get(tag, 'interoperability data')} in its EXIF is damaged and was left out")
    return result, tuple(notes)


def resolution_of(exif: bytes) -> tuple[float, float] | None:
    """The print resolution in dots an inch that a block tells; None without one, or of a damaged block."""
    try:
        order = layout_of(exif).order
        entries = entries_at(exif, first_directory(exif))
        unit = whole_number(entries[_UNIT], order) if _UNIT in entries else 2
        ratios = [struct.unpack(order + "II", entries[tag].value) for tag in _RESOLUTIONS]
    except (ValueError, KeyError, struct.error):
        return None
    if unit not in _INCHES or not all(above and below for above, below in ratios):
        return None
    across, down = (above / below / _INCHES[unit] for above, below in ratios)
    return across, down


def without(exif: bytes, tag: int) -> bytes:
    """The same EXIF block without a tag in its main directory; the entries after it move up, all else stays."""
    order, first = layout_of(exif).order, first_directory(exif)
    places = raw_entries(exif, first)
    kept = [exif[place : place + 12] for found, place in places if found != tag]
    end = first + 2 + 12 * len(places) + 4
    link = exif[end - 4 : end]
    listing = struct.pack(order + "H", len(kept)) + b"".join(kept) + link
    return exif[:first] + listing + bytes(max(min(end, len(exif)) - first - len(listing), 0)) + exif[end:]


def _leads_below(exif: bytes, first: int, at: int) -> bool:
    try:
        raw_entries(exif, at)
    except ValueError:
        return False
    return at != first


def _swap_pairs(block: bytearray, start: int) -> None:
    data = bytes(block)
    places = dict(raw_entries(data, start))
    for across, down in _PAIRS:
        if across in places and down in places:
            # The types go along, as a size may be a short and a long; values that stand elsewhere stay there.
            at, to = places[across] + 2, places[down] + 2
            block[at : at + 10], block[to : to + 10] = data[to : to + 10], data[at : at + 10]


def _cut_thumbnail(block: bytearray, order: str, start: int) -> None:
    """Remove the thumbnail's picture where it ends the block, as it usually does; elsewhere blank it."""
    entries = entries_at(bytes(block), start)
    offset, length = (
        whole_number(entries[tag], order) or 0 if tag in entries else 0 for tag in (_THUMBNAIL, _THUMBNAIL_BYTES)
    )
    if offset <= 0 or length <= 0 or offset + length > len(block):
        return
    if offset + length >= len(block) - 1:
        del block[offset:]
    elif bytes(block[offset : offset + 2]) == b"\xff\xd8":  # so that a wrong offset wipes out nothing else
        block[offset : offset + length] = bytes(length)
