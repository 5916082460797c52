"""Copying directories of TIFF tags from one file into another, value by value as they stand.

TIFF files and EXIF blocks are built alike: a directory lists entries of twelve bytes, and values longer than four bytes
stand elsewhere. Nothing is interpreted, so text keeps its encoding and numbers their type.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Literal

_SUB_DIRECTORIES = (0x8769, 0x8825, 0xA005)  # EXIF, GPS, interoperability
_DEEPEST = 3
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


def byte_order(data: bytes) -> Literal["<", ">"]:
    """The byte order of a TIFF file or EXIF block, as `struct` writes it. Raises ValueError for anything else."""
    if data[:4] == b"II*\0":
        return "<"
    if data[:4] == b"MM\0*":
        return ">"
    raise ValueError("not a TIFF structure")


def first_directory(data: bytes) -> int:
    """Where the main directory of a TIFF file or EXIF block stands."""
    (at,) = _unpack(byte_order(data) + "I", data, 4)
    return at


def entries_at(data: bytes, at: int) -> dict[int, bytes]:
    """The entries of the directory at `at`, each twelve bytes, by tag. Raises ValueError when it is cut short."""
    order = byte_order(data)
    (count,) = _unpack(order + "H", data, at)
    entries = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        (tag,) = _unpack(order + "H10x", data, place)
        entries[tag] = data[place : place + 12]
    return entries


def listing(entries: dict[int, bytes], order: str) -> bytes:
    """A directory of these entries, with none following it."""
    return struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)


def moved(
    data: bytes, at: int, to: int, wanted: Callable[[int], bool], depth: int = _DEEPEST
) -> tuple[bytes, dict[int, bytes]]:
    """The wanted entries of the directory at `at`, with their values, for a file where the values begin at `to`.

    Returns the values, and the entries that point to them by tag. Directories below are taken along whole. Entries
    that point outside the data are left out. `to` must be even, and the length of the values is.
    """
    order = byte_order(data)
    values, entries = bytearray(), {}
    for tag, entry in entries_at(data, at).items():
        _, kind, count, offset = struct.unpack(order + "HHII", entry)
        length = _SIZES.get(kind, 0) * count
        if not wanted(tag) or not length:
            continue
        if tag in _SUB_DIRECTORIES:
            if not depth:
                continue
            below, inner = _moved_or_nothing(data, offset, to + len(values), depth - 1)
            if not inner:
                continue
            entries[tag] = struct.pack(order + "HHII", tag, kind, 1, to + len(values) + len(below))
            values += _even(below + listing(inner, order))
        elif length <= 4:
            entries[tag] = entry
        elif offset + length <= len(data):
            entries[tag] = struct.pack(order + "HHII", tag, kind, count, to + len(values))
            values += _even(data[offset : offset + length])
    return bytes(values), entries


def block_of(data: bytes, at: int, wanted: Iterable[int]) -> bytes | None:
    """An EXIF block of its own made of the wanted tags of a file's directory, or None when it has none of them."""
    order, tags = byte_order(data), frozenset(wanted)
    values, entries = moved(data, at, 8, tags.__contains__)
    if not entries:
        return None
    return data[:4] + struct.pack(order + "I", 8 + len(values)) + values + listing(entries, order)


def _moved_or_nothing(data: bytes, at: int, to: int, depth: int) -> tuple[bytes, dict[int, bytes]]:
    try:
        return moved(data, at, to, lambda tag: True, depth)
    except ValueError:
        return b"", {}


def _even(values: bytes) -> bytes:
    return values + b"\0" * (len(values) % 2)


def _unpack(layout: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, at)
    except struct.error:
        raise ValueError("a directory of tags is cut short") from None
