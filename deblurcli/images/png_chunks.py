"""The chunks of a PNG file: those that make the picture, and those beside it that are sound."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from deblurcli.images.damage import Damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = {b"IHDR", b"PLTE", b"IDAT"}
LARGEST_BLOCK = 64 << 20  # no profile or packet in a photograph unpacks to more, nor all texts together

Chunk = tuple[bytes, bytes]


class Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filters: int
    interlaced: int

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(self.colour, 1)


@dataclass(frozen=True)
class Chunks:
    """What is in a PNG file.

    Attributes:
        header: the size and the kind of the samples.
        palette: PLTE, if there is one.
        data: the compressed picture, of all IDAT chunks.
        beside: the other chunks in their order.
        damaged: the types of those that were left out because their checksum is wrong or they are cut short.
        behind: what follows the end.
    """

    header: Header
    palette: bytes | None
    data: bytes
    beside: tuple[Chunk, ...]
    damaged: tuple[bytes, ...]
    behind: bytes = b""

    def first(self, kind: bytes) -> bytes | None:
        """The content of the first chunk of a type."""
        return next((content for found, content in self.beside if found == kind), None)


def chunks_of(data: bytes) -> Chunks:
    """Walk a file. Raises Damaged for one that does not begin with a header or holds no picture."""
    header: Header | None = None
    palette: bytes | None = None
    picture: list[bytes] = []
    beside: list[Chunk] = []
    damaged: list[bytes] = []
    at, behind = len(SIGNATURE), b""
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        cut = len(content) < length
        if header is None:
            if kind != b"IHDR" or length != 13 or cut:
                raise Damaged("it does not begin with a header")
            header = Header(*struct.unpack(">IIBBBBB", content))
        elif kind == b"IDAT":
            picture.append(content)
        elif kind == b"PLTE" and not cut:
            palette = content
        elif kind == b"IEND":
            behind = data[at + 12 :]
            break
        elif cut or _sum_of(data, at, length) != zlib.crc32(kind + content):
            if picture and not kind.isalpha():  # no chunk, nor what follows it
                behind = data[at:]
                break
            damaged.append(kind)
        else:
            beside.append((kind, content))
        if cut:
            break
        at += 12 + length
    if header is None or not picture:
        raise Damaged("it ends before the picture")
    return Chunks(header, palette, b"".join(picture), tuple(beside), tuple(damaged), behind)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk as a file has it."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def file_of(header: Header, chunks: list[Chunk]) -> bytes:
    """A PNG file of these chunks."""
    inner = [(b"IHDR", struct.pack(">IIBBBBB", *header)), *chunks, (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*one) for one in inner)


def unpacked(packed: bytes, most: int = LARGEST_BLOCK) -> bytes:
    """What zlib packed. Raises ValueError for damage, and for what unpacks to more than `most` bytes."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, most)
    except zlib.error as problem:
        raise ValueError(str(problem)) from None
    if not stream.eof:
        raise ValueError("cut short, or too long")
    return content


def _sum_of(data: bytes, at: int, length: int) -> int | None:
    place = at + 8 + length
    return struct.unpack_from(">I", data, place)[0] if place + 4 <= len(data) else None
