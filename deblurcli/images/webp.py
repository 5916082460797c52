"""What a WebP file holds, by its chunks (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator

from deblurcli.images.parts import unknown_bytes

_READ = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
_FRAME_HEADER = 16


def is_lossless(data: bytes) -> bool:
    """Whether the picture's chunk is VP8L; a lossy picture has VP8 instead."""
    return next((kind == b"VP8L" for kind, _ in _chunks(data, 12, len(data)) if kind in (b"VP8L", b"VP8 ")), False)


def lossy_picture(data: bytes) -> bytes:
    """The content of the picture's chunk, if it is a lossy one; nothing otherwise."""
    for kind, at in _chunks(data, 12, len(data)):
        if kind == b"VP8 ":
            return data[at : at + int.from_bytes(data[at - 4 : at], "little")]
    return b""


def parts_beside(data: bytes) -> tuple[str, ...]:
    """The names of the chunks that a photo has no place for."""
    length = int.from_bytes(data[4:8], "little")
    end = 8 + length + length % 2
    outermost = dict.fromkeys(kind for kind, _ in _chunks(data, 12, min(end, len(data)), inside_frames=False))
    names = [f"WebP data ({kind.decode('latin-1').strip()})" for kind in outermost if kind not in _READ]
    behind = unknown_bytes(data[end:])
    return (*names, behind) if behind else tuple(names)


def _chunks(data: bytes, at: int, end: int, *, inside_frames: bool = True) -> Iterator[tuple[bytes, int]]:
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield kind, at + 8
        if kind == b"ANMF" and inside_frames:
            yield from _chunks(data, at + 8 + _FRAME_HEADER, min(at + 8 + length, end))
        at += 8 + length + length % 2
