"""The boxes of a HEIF or AVIF file, as far as they say what is in it (ISO/IEC 14496-12 and 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_FULL = 4  # version and flags


class Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


class Extent(NamedTuple):
    """A piece of an item: where in the file it begins, and its length; `at` is where the file says so, in numbers of
    `width` bytes, the first of which counts from `base`."""

    start: int
    length: int
    at: int
    base: int
    width: int


class ItemProperty(NamedTuple):
    """A property of an item: its type, its content, and where that begins in the file."""

    kind: bytes
    content: bytes
    at: int


class Item(NamedTuple):
    """A picture or a piece of data: its type, of data the kind of it, and where in the file its type stands."""

    kind: bytes
    content_type: bytes
    hidden: bool
    at: int


@dataclass(frozen=True)
class Container:
    """What a file holds: its outermost boxes, its items by number, and what they have to do with each other.

    `behind` is what follows the last box, if that is none. `references` are (type, from, to) triples of numbers; a
    thumbnail refers to its picture.
    """

    boxes: tuple[bytes, ...]
    primary: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    references: tuple[tuple[bytes, int, int], ...] = ()
    properties: dict[int, tuple[ItemProperty, ...]] = field(default_factory=dict)
    behind: bytes = b""

    def of_primary(self, kind: bytes) -> list[ItemProperty]:
        """The properties of this type that the main picture has."""
        return [one for one in self.properties.get(self.primary, ()) if one.kind == kind]


def container_of(data: bytes) -> Container:
    """The boxes of a file; of a damaged one what can be made out."""
    outer = list(boxes_in(data, 0, len(data)))
    end = next((index for index, box in enumerate(outer) if not _is_box(data, box)), len(outer))
    behind = data[outer[end - 1].end if end else 0 :]
    outer = outer[:end]
    kinds = tuple(box.kind for box in outer)
    meta = next((box for box in outer if box.kind == b"meta"), None)
    if meta is None:
        return Container(kinds, behind=behind)
    try:
        inner = {box.kind: box for box in boxes_in(data, meta.start + _FULL, meta.end)}
        return Container(
            kinds,
            _primary(data, inner[b"pitm"]) if b"pitm" in inner else 0,
            _items(data, inner[b"iinf"]) if b"iinf" in inner else {},
            tuple(_references(data, inner[b"iref"])) if b"iref" in inner else (),
            _properties(data, inner[b"iprp"]) if b"iprp" in inner else {},
            behind,
        )
    except (struct.error, IndexError):
        return Container(kinds, behind=behind)


def _is_box(data: bytes, box: Box) -> bool:
    """Whether what stands between boxes is one: of a printable type, and not longer than the file."""
    size = int.from_bytes(data[box.start - 8 : box.start - 4], "big")
    return box.kind.isascii() and box.kind.decode("ascii").isprintable() and box.start - 8 + size <= len(data)


def item_content(data: bytes, kind: bytes) -> bytes | None:
    """The content of the first item of a type that stands in the file; None without one."""
    number = next((number for number, item in container_of(data).items.items() if item.kind == kind), None)
    pieces = extents_of(data).get(number) if number is not None else None
    return None if pieces is None else b"".join(data[one.start : one.start + one.length] for one in pieces)


def extents_of(data: bytes) -> dict[int, tuple[Extent, ...]]:
    """Where in the file the pieces of each item stand; of a damaged file what can be made out."""
    meta = next((box for box in boxes_in(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return {}
    inner = {box.kind: box for box in boxes_in(data, meta.start + _FULL, meta.end)}
    found: dict[int, tuple[Extent, ...]] = {}
    try:
        base = inner[b"idat"].start if b"idat" in inner else 0
        for number, extents in _locations(data, inner[b"iloc"], base):
            found.setdefault(number, extents)
    except (KeyError, struct.error, IndexError):
        pass
    return found


def boxes_in(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes that stand one after the other there."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        size = size or end - start
        if size < head:
            return
        yield Box(kind, start + head, min(start + size, end))
        start += size


def _locations(data: bytes, box: Box, idat: int) -> Iterator[tuple[int, tuple[Extent, ...]]]:
    version, sizes = data[box.start], struct.unpack_from(">H", data, box.start + _FULL)[0]
    widths = [sizes >> shift & 15 for shift in (12, 8, 4, 0)]  # of offset, length, base offset and index
    at = box.start + _FULL + 2

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(data[at - width : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        in_idat = bool(number(2) & 1) if version else False
        number(2)  # the file it is in: this one
        base = number(widths[2]) + (idat if in_idat else 0)
        pieces = []
        for _ in range(number(2)):
            number(widths[3] if version else 0)
            place = at
            offset, length = number(widths[0]), number(widths[1])
            pieces.append(Extent(base + offset, length, place, base, widths[0]))
            if at > box.end:
                return
        yield item, tuple(pieces)


def _primary(data: bytes, box: Box) -> int:
    return int(struct.unpack_from(">I" if data[box.start] else ">H", data, box.start + _FULL)[0])


def _items(data: bytes, box: Box) -> dict[int, Item]:
    items = {}
    first = box.start + _FULL + (4 if data[box.start] else 2)
    for entry in boxes_in(data, first, box.end):
        version = data[entry.start]
        if entry.kind != b"infe" or version < 2:
            continue
        at = entry.start + _FULL
        number, _, kind = struct.unpack_from(">HH4s" if version == 2 else ">IH4s", data, at)
        texts = data[at + (8 if version == 2 else 10) : entry.end].split(b"\0")
        content_type = texts[1] if kind == b"mime" and len(texts) > 1 else b""
        place = at + (4 if version == 2 else 6)
        items[number] = Item(kind, content_type, bool(data[entry.start + 3] & 1), place)
    return items


def _references(data: bytes, box: Box) -> Iterator[tuple[bytes, int, int]]:
    number = ">I" if data[box.start] else ">H"
    width = struct.calcsize(number)
    for entry in boxes_in(data, box.start + _FULL, box.end):
        (source,) = struct.unpack_from(number, data, entry.start)
        (count,) = struct.unpack_from(">H", data, entry.start + width)
        for index in range(count):
            (target,) = struct.unpack_from(number, data, entry.start + width + 2 + index * width)
            yield entry.kind, source, target


def _properties(data: bytes, box: Box) -> dict[int, tuple[ItemProperty, ...]]:
    known: list[ItemProperty] = []
    found: dict[int, tuple[ItemProperty, ...]] = {}
    for inner in boxes_in(data, box.start, box.end):
        if inner.kind == b"ipco":
            known = [ItemProperty(one.kind, data[one.start : one.end], one.start) for one in boxes_in(data, *inner[1:])]
        elif inner.kind == b"ipma":
            for number, indexes in _associations(data, inner):
                found[number] = tuple(known[index - 1] for index in indexes if 0 < index <= len(known))
    return found


def _associations(data: bytes, box: Box) -> Iterator[tuple[int, list[int]]]:
    number, wide = ">I" if data[box.start] else ">H", data[box.start + 3] & 1
    (count,) = struct.unpack_from(">I", data, box.start + _FULL)
    at = box.start + _FULL + 4
    for _ in range(min(count, (box.end - at) // 3)):
        (item,) = struct.unpack_from(number, data, at)
        at += struct.calcsize(number)
        length = data[at]
        raw = struct.unpack_from(f">{length}{'H' if wide else 'B'}", data, at + 1)
        at += 1 + length * (2 if wide else 1)
        yield item, [value & (0x7FFF if wide else 0x7F) for value in raw]
