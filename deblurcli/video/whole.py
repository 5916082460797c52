"""Whether a file ends before its container says that it does: of a short clip, libav's own times do not tell."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067  # the two parts of a Matroska file
_LARGEST_BOX = 1  # in place of a size: it follows in eight bytes
_TO_THE_END = 0
_BOXES = frozenset(b"ftyp styp moov moof mfra mdat free skip wide sidx meta uuid pdin".split())


def is_cut_short(path: Path) -> bool:
    """Of Matroska by the size of its segment, of MP4 and QuickTime by those of their boxes; False of anything else."""
    end = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == _EBML.to_bytes(4, "big"):
            return _segment_ends(file) > end
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _boxes_end(file, end) > end
    return False


def _segment_ends(file: BinaryIO) -> int:
    """Where a Matroska file's segment ends; 0 if that is not known, as while it is being recorded."""
    for wanted in (_EBML, _SEGMENT):
        if file.read(4) != wanted.to_bytes(4, "big"):
            return 0
        first = file.read(1)
        if not first or not first[0]:
            return 0
        more = 8 - first[0].bit_length()  # leading zeros tell how many bytes follow
        size = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
        if size == (1 << (7 * (more + 1))) - 1:
            return 0
        if wanted == _SEGMENT:
            return file.tell() + size
        file.seek(size, 1)
    return 0


def _boxes_end(file: BinaryIO, end: int) -> int:
    """Where the last of a file's boxes ends."""
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if size == _LARGEST_BOX:
            size = int.from_bytes(head[8:16], "big")
        if size == _TO_THE_END or size < 8 or kind not in _BOXES:  # cameras put data of their own behind
            return at
        at += size
    return at
