"""Tags that every TIFF should have, and that some programs leave out: what readers take for them then.

The standard's own default of 1 bit a sample is hardly ever meant, and there is none for what the samples stand for. So
how many bytes and samples there are decides, the latter as in libtiff and what builds on it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from deblurcli.images.directory import (
    Entry,
    entries_at,
    first_directory,
    layout_of,
    numbers,
    raw_entries,
    unpack,
    whole_number,
    written,
)

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES, _EXTRA_SAMPLES = 277, 278, 279, 338
_FAX, _JPEGS = (2, 3, 4), (6, 7)
_WHITE_IS_0, _BLACK_IS_0, _RGB = 0, 1, 2
_SHORT = 3


def with_usual_tags(data: bytes) -> bytes:
    """The file with what its main directory lacks, in a new directory at its end; as it is if nothing is missing."""
    try:
        layout, first = layout_of(data), first_directory(data)
        entries, places = entries_at(data, first), raw_entries(data, first)
    except ValueError:
        return data  # reading it will tell
    missing = _missing(entries, layout.order)
    if not missing and _number(entries, layout.order, _ROWS_PER_STRIP, 1):
        return data
    kept = {tag: entry for tag, entry in entries.items() if tag != _ROWS_PER_STRIP or whole_number(entry, layout.order)}
    kept |= {tag: Entry(_SHORT, 1, struct.pack(layout.order + "H", value)) for tag, value in missing.items()}
    at = len(data) + len(data) % 2
    listing, start = written(kept, layout, at)
    link = first + struct.calcsize(layout.count) + layout.entry_bytes * len(places)
    following = unpack(layout.offset, data, link)[0] if link + layout.width <= len(data) else 0
    listing = listing[: -layout.width] + struct.pack(layout.offset, following)
    head = 8 if layout.big else 4  # where the offset of the main directory stands
    rest = data[head + layout.width :] + b"\0" * (at - len(data))
    return b"".join((data[:head], struct.pack(layout.offset, start), rest, listing))


def _missing(entries: Mapping[int, Entry], order: str) -> dict[int, int]:
    samples, missing = _number(entries, order, _SAMPLES, 1), dict[int, int]()
    if _PHOTOMETRIC not in entries:
        extra = entries[_EXTRA_SAMPLES].number if _EXTRA_SAMPLES in entries else 0
        grey = _WHITE_IS_0 if _number(entries, order, _COMPRESSION, 1) in _FAX else _BLACK_IS_0
        missing[_PHOTOMETRIC] = _RGB if samples - extra >= 3 else grey
    if _BITS not in entries:
        missing[_BITS] = _bits(entries, order, samples)
    return missing


def _bits(entries: Mapping[int, Entry], order: str, samples: int) -> int:
    """As many bits as the bytes of the picture make; 8 where they are compressed, but for faxes."""
    compression = _number(entries, order, _COMPRESSION, 1)
    width, height = (_number(entries, order, tag, 0) for tag in (_WIDTH, _HEIGHT))
    if compression == 1 and _STRIP_BYTES in entries:
        total = sum(numbers(entries[_STRIP_BYTES], order))
        for bits in (8, 16, 1, 2, 4):
            if height * -(-width * samples * bits // 8) == total:
                return bits
    return 1 if compression in _FAX else 8


def _number(entries: Mapping[int, Entry], order: str, tag: int, usual: int) -> int:
    value = whole_number(entries[tag], order) if tag in entries else None
    return usual if value is None else value
