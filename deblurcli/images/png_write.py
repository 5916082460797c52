"""Writing PNG, which holds almost all that a photograph carries."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import imagecodecs

from deblurcli.images.parts import Encoded, keys_of
from deblurcli.images.photo import Metadata
from deblurcli.images.photoshop import with_iptc
from deblurcli.images.pixels import Pixels
from deblurcli.images.png_chunks import SIGNATURE, Chunk, chunk
from deblurcli.images.png_text import XMP_KEYWORD, chunks_of_texts, profile_chunk

_METRES_PER_INCH = 0.0254
_LARGEST_NUMBER = 2**31 - 1
_SRGB = b"sRGB"


def encode_png(samples: Pixels, metadata: Metadata) -> Encoded:
    """Encode (H, W) or (H, W, 2..4) uint8 or uint16 samples, alpha last, as a PNG file."""
    # The room that is made by itself forgets the byte that each row begins with, which counts in narrow pictures.
    room = samples.nbytes + samples.nbytes // 100 + 2 * len(samples) + 65536
    encoded = bytes(imagecodecs.png_encode(samples, out=room))
    header_end = len(SIGNATURE) + 12 + 13
    described = b"".join(chunk(kind, content) for kind, content in _describing(metadata))
    data = encoded[:header_end] + described + encoded[header_end:]
    held = keys_of(metadata, "exif", "icc", "xmp", "iptc", "photoshop", "texts", "png_chunks")
    held |= keys_of(metadata, "cicp") if _numbers(metadata) else frozenset()
    if metadata.dpi and not _resolution(metadata.dpi):
        return Encoded(data, held, {"dpi": "is beyond what PNG can say and was left out"})
    return Encoded(data, held | keys_of(metadata, "dpi"))


def _describing(metadata: Metadata) -> Iterator[Chunk]:
    if numbers := _numbers(metadata):
        yield b"cICP", numbers
    if metadata.icc:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)
    for kind, content in metadata.png_chunks:
        # An ICC profile and an sRGB chunk must not stand side by side.
        if not (kind == _SRGB and metadata.icc):
            yield kind, content
    if metadata.dpi and (resolution := _resolution(metadata.dpi)):
        yield b"pHYs", resolution
    if metadata.xmp:
        yield b"iTXt", XMP_KEYWORD.encode() + b"\0\0\0\0\0" + metadata.xmp
    if block := with_iptc(metadata.iptc, metadata.photoshop):
        yield profile_chunk("iptc", block)
    yield from chunks_of_texts(metadata.texts)
    if metadata.exif:
        yield b"eXIf", metadata.exif


def _numbers(metadata: Metadata) -> bytes | None:
    """The numbers of colours, RGB without a matrix and over the full range; None for those that need two bytes."""
    cicp = metadata.cicp
    if cicp is None or max(cicp.primaries, cicp.transfer) > 255:
        return None
    return bytes([cicp.primaries, cicp.transfer, 0, 1])


def _resolution(dpi: tuple[float, float]) -> bytes | None:
    across, down = (round(value / _METRES_PER_INCH) for value in dpi)
    return (
        struct.pack(">IIB", across, down, 1) if min(across, down) > 0 and max(across, down) <= _LARGEST_NUMBER else None
    )
