"""The segments of a JPEG file that carry metadata: their markers, and adding some to a file."""

from __future__ import annotations

import struct
from collections.abc import Iterable

APP0, APP1, APP2, APP11, APP12, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEC, 0xED, 0xEE, 0xEF
COMMENT = 0xFE
#: The most that one segment holds.
ROOM = 65533


def with_segments(data: bytes, added: Iterable[tuple[int, bytes]]) -> bytes:
    """A JPEG file with segments added before its others, but behind JFIF's own, which has to be the first."""
    at = 2
    if data[2:4] == b"\xff\xe0":
        at += 2 + struct.unpack_from(">H", data, 4)[0]
    inserted = b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in added)
    return data[:at] + inserted + data[at:]
