"""The chain of directories in a TIFF or BigTIFF file: each says where the next one stands.

Nothing stops a damaged file, or one made to do harm, from sending its reader back to where it has been. Readers that
list all pages never come to an end of that.
"""

from __future__ import annotations

import struct

from deblurcli.errors import InputError
from deblurcli.images.damage import Damaged
from deblurcli.images.limits import MOST_PAGES


def without_loops(data: bytes) -> bytes:
    """The same file, its chain of directories ended where it leads back to one of them, or out of the file.

    A file without either comes back as it is. Raises InputError (without a file name) for more than `MOST_PAGES`
    directories, Damaged for what is too short to be a TIFF file.
    """
    order, big = _kind(data)
    pointer, number, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    link = 8 if big else 4  # where the offset of the next directory stands
    seen: set[int] = set()
    while True:
        (at,) = struct.unpack_from(pointer, data, link)
        if not at:
            return data
        following = _link_after(data, at, number, entry, struct.calcsize(pointer))
        if at in seen or (following is None and seen):
            return data[:link] + bytes(struct.calcsize(pointer)) + data[link + struct.calcsize(pointer) :]
        if following is None:
            return data  # the first directory itself is cut short, which reading it will tell
        if len(seen) == MOST_PAGES:
            raise InputError(f"a file of more than {MOST_PAGES} pages; save each page as a file of its own first")
        seen.add(at)
        link = following


def _kind(data: bytes) -> tuple[str, bool]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    version = struct.unpack_from(order + "H", data, 2)[0] if order and len(data) >= 16 else 0
    if order is None or version not in (42, 43):
        raise Damaged("its header is cut short")
    return order, version == 43


def _link_after(data: bytes, at: int, number: str, entry: int, width: int) -> int | None:
    """Where the link to the next directory stands; None if this one is not whole."""
    try:
        (count,) = struct.unpack_from(number, data, at)
    except struct.error:
        return None
    link = at + struct.calcsize(number) + entry * int(count)
    return link if link + width <= len(data) else None
