"""Putting the coded pictures of one AVIF file into another, for an encoder that knows no metadata.

Both are of one kind: each item in one piece, all pieces in one box at the end, and the same items for colours and
opacity. That is how libavif writes, which is behind Pillow and imagecodecs.
"""

from __future__ import annotations

import struct

from deblurcli.images.isobmff import Container, ItemProperty, boxes_in, container_of, extents_of

_PICTURE = b"av01"
_MATRIX = 8  # where in a "colr" property of numbers the matrix and the range stand, behind primaries and curve
_WIDTH = 4  # bytes of an offset and of a length


def with_pictures_of(data: bytes, other: bytes) -> bytes:
    """The file `data`, its pictures exchanged for those of `other`, with their sizes and depths; the metadata stays.

    Raises ValueError if the two are not built alike.
    """
    container, source = container_of(data), container_of(other)
    pictures = _pictures(container)
    if not pictures or pictures != _pictures(source):
        raise ValueError("other pictures")
    patched = bytearray(data)
    for number in pictures:
        for kind in (b"ispe", b"pixi", b"av1C", b"colr"):
            _patch(patched, container.properties[number], source.properties[number], kind)
    contents = {number: _content(other, number) for number in pictures}
    return _with_contents(patched, contents)


def _pictures(container: Container) -> list[int]:
    return sorted(number for number, item in container.items.items() if item.kind == _PICTURE)


def _patch(data: bytearray, own: tuple[ItemProperty, ...], others: tuple[ItemProperty, ...], kind: bytes) -> None:
    there, new = ([one for one in each if _is_described(one, kind)] for each in (own, others))
    for one, other in zip(there, new, strict=True):
        if len(one.content) != len(other.content):
            raise ValueError(f"another {kind.decode()}")
        skipped = _MATRIX if kind == b"colr" else 0
        data[one.at + skipped : one.at + len(one.content)] = other.content[skipped:]


def _is_described(one: ItemProperty, kind: bytes) -> bool:
    return one.kind == kind and (kind != b"colr" or one.content.startswith(b"nclx"))


def _content(data: bytes, number: int) -> bytes:
    (extent,) = extents_of(data)[number]
    return data[extent.start : extent.start + extent.length]


def _with_contents(data: bytearray, contents: dict[int, bytes]) -> bytes:
    """The file with other contents for some items, and the places of all items set right."""
    *_, last = boxes_in(bytes(data), 0, len(data))
    found = extents_of(bytes(data))
    if last.kind != b"mdat" or any(len(each) != 1 or each[0].width != _WIDTH for each in found.values()):
        raise ValueError("built in another way")
    pieces, at = [], last.start
    for number, (extent,) in sorted(found.items(), key=lambda each: each[1][0].start):
        piece = contents.get(number, bytes(data[extent.start : extent.start + extent.length]))
        struct.pack_into(">II", data, extent.at, at - extent.base, len(piece))
        pieces.append(piece)
        at += len(piece)
    struct.pack_into(">I", data, last.start - 8, at - last.start + 8)
    return b"".join((bytes(data[: last.start]), *pieces))
