"""Adding to an EXIF block what other formats keep elsewhere: texts and the print resolution.

The main directory is written anew behind the block, and all else stays where it is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from deblurcli.images.directory import Entry, entries_at, first_directory, layout_of, written

#: PNG's keywords, and EXIF's tags that mean the same.
TAGS_OF_TEXTS = {"Description": 0x010E, "Software": 0x0131, "Author": 0x013B, "Copyright": 0x8298}
_RESOLUTIONS, _UNIT, _INCH = (0x011A, 0x011B), 0x0128, 2
_EMPTY = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"
_ASCII, _SHORT, _RATIONAL = 2, 3, 5
_FINENESS = 10000
_LARGEST = 2**32 - 1


def with_tags(
    block: bytes | None, texts: Mapping[int, str], dpi: tuple[float, float] | None
) -> tuple[bytes, frozenset[int]]:
    """The block with these texts and this resolution, as far as it does not have such tags already; and which of the
    texts it holds now.

    `block` is an EXIF block that is sound, or None for a new one. The texts are stored in UTF-8.
    """
    block = block or _EMPTY
    layout, entries = layout_of(block), entries_at(block, first_directory(block))
    wanted = {tag: text.replace("\0", "").encode() for tag, text in texts.items()}
    added = {tag: Entry(_ASCII, len(content) + 1, content + b"\0") for tag, content in wanted.items()}
    held = {tag for tag, text in wanted.items() if tag not in entries or entries[tag].value.rstrip(b"\0 ") == text}
    if dpi and _RESOLUTIONS[0] not in entries and max(dpi) * _FINENESS <= _LARGEST:
        for tag, value in zip(_RESOLUTIONS, dpi, strict=True):
            content = struct.pack(layout.order + "II", round(value * _FINENESS), _FINENESS)
            added[tag] = Entry(_RATIONAL, 1, content)
        added[_UNIT] = Entry(_SHORT, 1, struct.pack(layout.order + "H", _INCH))
    added = {tag: entry for tag, entry in added.items() if tag not in entries}
    if not added:
        return block, frozenset(held)
    block += b"\0" * (len(block) % 2)
    listing, at = written({**entries, **added}, layout, len(block))
    return block[:4] + struct.pack(layout.order + "I", at) + block[8:] + listing, frozenset(held)
