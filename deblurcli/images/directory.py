"""Directories of TIFF tags, read and written value by value as they stand.

TIFF files and EXIF blocks are built alike: a directory lists entries, and values too long for an entry stand elsewhere.
BigTIFF has the same with wider numbers. Nothing is interpreted, so text keeps its encoding and numbers their type.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
MAKER_NOTE = 0x927C
SUB_DIRECTORIES = (EXIF, GPS, INTEROPERABILITY)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_NARROWER = {16: 4, 17: 9, 18: 13}  # BigTIFF's types and those that stand for them in a classic file
_LONG = 4


class Entry(NamedTuple):
    """A tag's type, how many values it has, and their bytes in the file's order; `at` is where they stood."""

    kind: int
    number: int
    value: bytes
    at: int = 0


@dataclass(frozen=True)
class Layout:
    """How the numbers of a file are written: `order` as `struct` says it, and whether it is BigTIFF."""

    order: Literal["<", ">"]
    big: bool = False

    @property
    def width(self) -> int:
        """Bytes of an offset, and of a value that stands in its entry."""
        return 8 if self.big else 4

    @property
    def entry_bytes(self) -> int:
        return 20 if self.big else 12

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        """The number of entries that a directory begins with."""
        return self.order + ("Q" if self.big else "H")


def layout_of(data: bytes) -> Layout:
    """The layout of a TIFF file or EXIF block. Raises ValueError for anything else."""
    match data[:4]:
        case b"II*\0":
            return Layout("<")
        case b"MM\0*":
            return Layout(">")
        case b"II+\0":
            return Layout("<", big=True)
        case b"MM\0+":
            return Layout(">", big=True)
    raise ValueError("not a TIFF structure")


def byte_order(data: bytes) -> Literal["<", ">"]:
    """The byte order of a TIFF file or EXIF block, as `struct` writes it. Raises ValueError for anything else."""
    return layout_of(data).order


def first_directory(data: bytes) -> int:
    """Where the main directory of a TIFF file or EXIF block stands. Raises ValueError when it does not say."""
    layout = layout_of(data)
    (at,) = unpack(layout.offset, data, 8 if layout.big else 4)
    return at


def raw_entries(data: bytes, at: int) -> list[tuple[int, int]]:
    """The tags of the directory at `at`, and where each one's entry stands, in the order of the file.

    Raises ValueError when the directory is cut short; nothing is said about the values.
    """
    layout = layout_of(data)
    (count,) = unpack(layout.count, data, at)
    first, step = at + struct.calcsize(layout.count), layout.entry_bytes
    if first + count * step > len(data):
        raise ValueError("a directory of tags is cut short")
    places = range(first, first + count * step, step)
    return [(unpack(layout.order + "H", data, place)[0], place) for place in places]


def entries_at(data: bytes, at: int) -> dict[int, Entry]:
    """The directory at `at`, by tag; of a tag that is there twice the first. Values outside the data are left out.

    Raises ValueError when the directory is cut short.
    """
    found = _values(data, at)
    return {tag: entry for tag, entry in found.items() if entry is not None and entry.value}


def lost_at(data: bytes, at: int) -> list[int]:
    """The tags of the directory at `at` whose values lie outside the data, or are of no known type.

    Raises ValueError when the directory is cut short.
    """
    return [tag for tag, entry in _values(data, at).items() if entry is None or (entry.number and not entry.value)]


def _values(data: bytes, at: int) -> dict[int, Entry | None]:
    layout, entries = layout_of(data), dict[int, Entry | None]()
    for tag, place in raw_entries(data, at):
        _, kind, count = unpack(layout.order + "HH" + layout.offset[1], data, place)
        length = _SIZES.get(kind, 0) * count
        where = place + layout.entry_bytes - layout.width
        if length > layout.width:
            (where,) = unpack(layout.offset, data, where)
        there = where + length <= len(data)
        entries.setdefault(tag, Entry(kind, count, data[where : where + length], where) if there else None)
    return entries


def whole_number(entry: Entry, order: str) -> int | None:
    """The first value of an entry of any integer type; None for other types."""
    code = _NUMBERS.get(entry.kind)
    return None if code is None else int(struct.unpack_from(order + code, entry.value)[0])


def numbers(entry: Entry, order: str) -> tuple[int, ...]:
    """All values of an entry of any integer type; none for other types."""
    code = _NUMBERS.get(entry.kind)
    return () if code is None else struct.unpack(f"{order}{entry.number}{code}", entry.value)


def written(
    entries: Mapping[int, Entry], layout: Layout, at: int, placed: Mapping[int, int] | None = None
) -> tuple[bytes, int]:
    """A directory with its values, to stand at the even offset `at`, and where in the file the directory begins.

    The values of the tags in `placed` stand elsewhere already, at these offsets.
    """
    values, listed = bytearray(), []
    for tag in sorted(entries):
        entry = entries[tag] if layout.big else _classic(entries[tag], layout.order)
        inline = entry.value.ljust(layout.width, b"\0")
        if len(entry.value) > layout.width:
            inline = struct.pack(layout.offset, (placed or {}).get(tag, at + len(values)))
            if tag not in (placed or {}):
                values += entry.value + b"\0" * (len(entry.value) % 2)
        listed.append(struct.pack(layout.order + "HH" + layout.offset[1], tag, entry.kind, entry.number) + inline)
    listing = struct.pack(layout.count, len(listed)) + b"".join(listed) + bytes(layout.width)
    return bytes(values) + listing, at + len(values)


def pointer(at: int, layout: Layout) -> Entry:
    """The value of a tag that leads to the directory at `at`."""
    return Entry(16 if layout.big else _LONG, 1, struct.pack(layout.offset, at))


def unpack(layout: str, data: bytes | bytearray, at: int) -> tuple[int, ...]:
    """`struct.unpack_from`, with ValueError for what lies outside the data."""
    try:
        return struct.unpack_from(layout, data, at)
    except (struct.error, OverflowError):
        raise ValueError("a directory of tags is cut short") from None


def _classic(entry: Entry, order: str) -> Entry:
    """An entry without the types that only BigTIFF has. Raises ValueError for a number too large for the others."""
    kind = _NARROWER.get(entry.kind)
    if kind is None:
        return entry
    code = _NUMBERS[kind]
    try:
        value = struct.pack(f"{order}{entry.number}{code}", *numbers(entry, order))
    except struct.error:
        raise ValueError("a number is too large for a classic TIFF") from None
    return Entry(kind, entry.number, value, entry.at)
