"""What a GIF file holds beside its picture, by its extension blocks (GIF89a, sections 23 to 26)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from deblurcli.images.parts import unknown_bytes
from deblurcli.images.photo import Metadata, Text

_IMAGE, _EXTENSION, _COMMENT, _APPLICATION, _PLAIN_TEXT = 0x2C, 0x21, 0xFE, 0xFF, 0x01
_TRAILER = 0x3B
_OF_THE_FILE = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"XMP DataXMP")  # loops, and the packet that Pillow reads
_PROFILE = b"ICCRGBG1012"


def described(data: bytes, metadata: Metadata) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata with comments and the colour profile, and the names of the parts that have no place in it."""
    parts: dict[str, None] = {}
    for label, name, content in _extensions(data):
        if label == _COMMENT:
            text = Text("Comment", content.decode("latin-1"))
            metadata = replace(metadata, texts=(*metadata.texts, text))
        elif label == _APPLICATION and name == _PROFILE:
            metadata = replace(metadata, icc=content)
        elif label == _APPLICATION and name not in _OF_THE_FILE:
            parts[f"GIF data ({name.decode('latin-1').strip()})"] = None
        elif label == _TRAILER and (behind := unknown_bytes(content)):
            parts[behind] = None
        elif label == _PLAIN_TEXT:
            parts["text drawn on the picture"] = None
    return metadata, tuple(parts)


def _extensions(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(label, application, content) of every extension, and of the trailer with what follows it; of a damaged file
    those that can be reached."""
    at = 13 + _table_bytes(data[10] if len(data) > 10 else 0)
    while at < len(data):
        if data[at] == _TRAILER:
            yield _TRAILER, b"", data[at + 1 :]
            return
        if at + 2 >= len(data):
            return
        if data[at] == _IMAGE:
            at += 10 + _table_bytes(data[at + 9] if at + 9 < len(data) else 0) + 1
            _, at = _blocks(data, at)
        elif data[at] == _EXTENSION:
            label, name = data[at + 1], b""
            at += 2
            if label == _APPLICATION:
                name, at = data[at + 1 : at + 1 + data[at]], at + 1 + data[at]
            content, at = _blocks(data, at)
            yield label, name, content
        else:
            return


def _blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """The content of a row of blocks, and where it ends."""
    pieces = []
    while at < len(data) and data[at]:
        pieces.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(pieces), at + 1


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
