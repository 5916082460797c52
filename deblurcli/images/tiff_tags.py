"""The tags of a TIFF's main directory that describe the photograph: all but those that say how the file is laid out.

They become an EXIF block where other formats know them, and a block of TIFF's own where they do not.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import tifffile

from deblurcli.display import listed
from deblurcli.images import maker_notes
from deblurcli.images.directory import (
    EXIF,
    GPS,
    INTEROPERABILITY,
    MAKER_NOTE,
    SUB_DIRECTORIES,
    Entry,
    Layout,
    entries_at,
    first_directory,
    layout_of,
    lost_at,
    pointer,
    whole_number,
    written,
)

ICC, XMP, IPTC, PHOTOSHOP = 34675, 700, 33723, 34377
RESOLUTION = frozenset({282, 283, 296})
TRANSFER_FUNCTION = 301
_SUB_IFDS, _PHOTOSHOP_LAYERS = 330, 37724
GEOGRAPHIC = frozenset({33550, 33920, 33922, 34264, 34735, 34736, 34737})
# fmt: off
#: Size, samples, strips, tiles, compression, palettes, inks, and what else tells a reader where the pixels are.
LAYOUT = frozenset({
    *range(254, 260), *range(262, 267), 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 317,
    *range(320, 329), _SUB_IFDS, *range(332, 335), *range(336, 343), 346, 347, *range(400, 406), 433, 434, 435,
    *range(512, 522), *range(529, 533), 559, *range(32995, 32999), 33421, 33422, 34908, 34909, 34910, 50674,
    50706, 50707,  # a DNG's version, which makes a camera raw file of a TIFF
    _PHOTOSHOP_LAYERS,
})
#: Tags above TIFF's own numbers that EXIF has in its main directory, and those of its directories that stand there.
_EXIF_TOO = frozenset({
    33432, 33434, 33437, EXIF, GPS, 34850, 34852, *range(34855, 34858), *range(34864, 34870), *range(36864, 37887),
    *range(37888, 37894), *range(40091, 40096), *range(40960, 42112), 42240, 50341,
})
# fmt: on
_LINKS = (13, 18)  # the types of tags that lead to a directory
ELSEWHERE = frozenset({ICC, XMP, IPTC, PHOTOSHOP}) | RESOLUTION
_NAMES = {_PHOTOSHOP_LAYERS: "Photoshop layers", _SUB_IFDS: "reduced copies"}
_GEOGRAPHIC_NAME = "georeference"


def in_exif(tag: int) -> bool:
    """Whether a descriptive tag belongs to the EXIF block, which every format carries."""
    return (tag < 32768 and tag != TRANSFER_FUNCTION) or tag in _EXIF_TOO


def blocks_of(data: bytes, at: int, notes: list[str]) -> tuple[bytes | None, bytes | None, tuple[str, ...]]:
    """The EXIF block and the block of TIFF's own tags in the directory at `at`, and the names of parts that are lost.

    Adds a note to `notes` for what is damaged or cannot be moved.
    """
    layout, entries = layout_of(data), entries_at(data, at)
    lost = [tag for tag in lost_at(data, at) if tag not in LAYOUT | RESOLUTION]
    if lost:
        notes.append(f"its {listed(name_of(tag) for tag in lost)} cannot be read and were left out")
    links = [tag for tag, entry in entries.items() if entry.kind in _LINKS and tag not in (*SUB_DIRECTORIES, *LAYOUT)]
    parts = (*(name for tag, name in _NAMES.items() if tag in entries), *(name_of(tag) for tag in links))
    kept = {tag: entry for tag, entry in entries.items() if tag not in LAYOUT | ELSEWHERE and tag not in links}
    exif = {tag: entry for tag, entry in kept.items() if in_exif(tag)}
    own = {tag: entry for tag, entry in kept.items() if not in_exif(tag)}
    block = _exif_block(data, exif, layout.order, notes) if exif else None
    return block, _block({}, own, layout.order) if own else None, parts


def descriptive(block: bytes, *, resolution: bool) -> dict[int, Entry]:
    """The entries of an EXIF block, or one of TIFF's own tags, that may stand in a TIFF's main directory."""
    left_out = LAYOUT | (ELSEWHERE - RESOLUTION if resolution else ELSEWHERE)
    entries = entries_at(block, first_directory(block))
    return {tag: entry for tag, entry in entries.items() if tag not in left_out}


def without_georeference(block: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """TIFF's own tags for a picture that was turned, and the names of those that no longer fit it."""
    entries = entries_at(block, first_directory(block))
    kept = {tag: entry for tag, entry in entries.items() if tag not in GEOGRAPHIC}
    if len(kept) == len(entries):
        return block, ()
    return _block({}, kept, layout_of(block).order) if kept else None, (_GEOGRAPHIC_NAME,)


def names_of(block: bytes) -> list[str]:
    """The tags of a block in words."""
    tags = entries_at(block, first_directory(block))
    return sorted({name_of(tag) for tag in tags})


def name_of(tag: int) -> str:
    """A tag in words."""
    return _GEOGRAPHIC_NAME if tag in GEOGRAPHIC else tifffile.TIFF.TAGS.get(tag, f"tag {tag}")


def _exif_block(data: bytes, entries: dict[int, Entry], order: str, notes: list[str]) -> bytes:
    below: dict[int, dict[int, Entry]] = {}
    for tag in (EXIF, GPS):
        if tag in entries:
            inner, whole = _below(data, entries.pop(tag), order)
            if inner:
                below[tag] = inner
            if not whole:
                part = "a part of " if inner else ""
                name = "camera" if tag == EXIF else "GPS"
                notes.append(f"{part}the {name} data in its EXIF is damaged and was left out")
    note = below.get(EXIF, {}).get(MAKER_NOTE)
    if note is None or len(note.value) <= 4:
        return _block(below, entries, order, data)
    room = _block(below | {EXIF: _without(below[EXIF], MAKER_NOTE)}, entries, order, data)
    if maker_notes.can_stay(note.at, len(note.value)):
        return _block_around(note, below, entries, order, data, len(room))
    if maker_notes.moves_freely(note.value, order):
        return _block(below, entries, order, data)
    notes.append("its maker note cannot be moved without spoiling it and was left out")
    return room


def _block_around(
    note: Entry, below: dict[int, dict[int, Entry]], entries: dict[int, Entry], order: str, data: bytes, room: int
) -> bytes:
    """A block with the maker note where it stood, as its offsets count from the beginning of the file."""
    end = note.at + len(note.value)
    if room + 16 <= note.at:
        block = _block(below, entries, order, data, placed={MAKER_NOTE: note.at})
        return block.ljust(note.at, b"\0") + note.value
    start = end + end % 2
    head = bytes(8).ljust(note.at, b"\0") + note.value
    return _block(below, entries, order, data, start=start, head=head, placed={MAKER_NOTE: note.at})


def _block(
    below: Mapping[int, dict[int, Entry]],
    entries: dict[int, Entry],
    order: str,
    data: bytes = b"",
    *,
    start: int = 8,
    head: bytes = b"",
    placed: Mapping[int, int] | None = None,
) -> bytes:
    layout = Layout("<" if order == "<" else ">")
    body, main = head[8:].ljust(start - 8, b"\0"), dict(entries)

    def add(inner: Mapping[int, Entry]) -> int:
        nonlocal body
        content, at = written(inner, layout, 8 + len(body), placed or {})
        body += content + b"\0" * (len(content) % 2)
        return at

    for tag, inner in below.items():
        if INTEROPERABILITY in inner:
            deeper, _ = _below(data, inner[INTEROPERABILITY], order)
            inner = _without(inner, INTEROPERABILITY)
            if deeper:
                inner[INTEROPERABILITY] = pointer(add(deeper), layout)
        main[tag] = pointer(add(inner), layout)
    first = add(main)
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first) + body


def _below(data: bytes, entry: Entry, order: str) -> tuple[dict[int, Entry], bool]:
    """The directory that an entry leads to, and whether all of it is there."""
    at = whole_number(entry, order)
    try:
        inner, whole = entries_at(data, at or len(data)), not lost_at(data, at or len(data))
    except ValueError:
        return {}, False
    return {tag: one for tag, one in inner.items() if tag not in SUB_DIRECTORIES or tag == INTEROPERABILITY}, whole


def _without(entries: dict[int, Entry], tag: int) -> dict[int, Entry]:
    return {found: entry for found, entry in entries.items() if found != tag}
