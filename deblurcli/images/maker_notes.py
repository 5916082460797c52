"""Camera makers' private notes: some count their offsets from the beginning of the file, and break when they move."""

from __future__ import annotations

import struct

#: As much as one JPEG segment holds; a note farther behind would make the block too long for it.
_FARTHEST = 60000
#: Beginnings of notes that count from their own beginning, or bring a header of their own.
_SELF_CONTAINED = (
    b"Nikon\0\2",
    b"OLYMPUS\0",
    b"OM SYSTEM",
    b"FUJIFILM",
    b"GENERALE",
    b"Apple iOS\0",
    b"PENTAX \0",
    b"RICOH\0",
)
_HEADS = (0, 6, 8, 10, 12)  # where the directory of a note begins behind a maker's name
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_MOST_ENTRIES = 500


def can_stay(at: int, length: int) -> bool:
    """Whether an EXIF block can hold a note at the offset that it had in a TIFF file."""
    return at > 8 and at + length <= _FARTHEST


def moves_freely(note: bytes, order: str) -> bool:
    """Whether a note reads the same at another offset: it says so by its name, or holds no directory with offsets."""
    return note.startswith(_SELF_CONTAINED) or not any(_has_offsets(note, head, order) for head in _HEADS)


def _has_offsets(note: bytes, head: int, order: str) -> bool:
    if head + 2 > len(note):
        return False
    (count,) = struct.unpack_from(order + "H", note, head)
    if not 1 <= count <= _MOST_ENTRIES or head + 2 + 12 * count > len(note):
        return False
    lengths: list[int] = []
    for at in range(head + 2, head + 2 + 12 * count, 12):
        _, kind, number = struct.unpack_from(order + "HHI", note, at)
        if kind not in _SIZES:
            return False
        lengths.append(_SIZES[kind] * number)
    return max(lengths) > 4
