"""PNG, 8 and 16 bits a sample.

Pillow halves 16-bit colour, so those samples go through libpng (imagecodecs). The chunks around them are
read and written here: those that describe the picture's colours or carry text pass through untouched.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images.colour import Channels, channels_of, split_alpha
from deblurcli.images.damage import Damaged
from deblurcli.images.exif import without_prefix
from deblurcli.images.limits import check_size
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.pixels import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_RAW_EXIF = (b"Raw profile type exif\0", b"Raw profile type APP1\0")
_KEPT_AS_THEY_ARE = {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt"}
_COLOUR_OF_TYPE = {0: 1, 2: 3, 4: 2, 6: 4}
_METRES_PER_INCH = 0.0254
_LARGEST_BLOCK = 64 << 20  # no profile or packet in a photograph unpacks to more
# The seven passes of an interlaced PNG: first column, first row, step across, step down.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def decode_png(data: bytes) -> Photo:
    """Decode a PNG file. Raises InputError (without a file name) for animations, other errors for damage."""
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR":
        raise Damaged("it does not begin with a header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    check_size(width, height)
    for kind, content in chunks:
        if kind == b"acTL" and int.from_bytes(content[:4], "big") > 1:
            raise InputError(f"an animation of {int.from_bytes(content[:4], 'big')} frames; save one frame as a file")
    metadata = _metadata(chunks)
    if depth == 16:
        decode = _decode_interlaced if interlaced else _decode_16_bits
        pixels, alpha = split_alpha(decode(chunks, width, height, colour))
        channels = Channels(pixels, alpha, metadata.icc)
    else:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            image.load()
            channels = channels_of(image, metadata.icc)
    return Photo(channels.pixels, channels.alpha, "PNG", metadata, channels.notes)


def encode_png(samples: Pixels, metadata: Metadata) -> bytes:
    """Encode (H, W) or (H, W, 2..4) uint8 or uint16 samples, alpha last, as a PNG file."""
    encoded = imagecodecs.png_encode(samples)
    header_end = len(_SIGNATURE) + 12 + 13
    described = b"".join(_chunk(kind, content) for kind, content in _describing(metadata))
    return bytes(encoded[:header_end]) + described + bytes(encoded[header_end:])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        if len(content) < length:
            raise Damaged("it ends in the middle")
        yield kind, content
        if kind == b"IEND":
            return
        at += 12 + length


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _metadata(chunks: list[tuple[bytes, bytes]]) -> Metadata:
    icc = exif = xmp = dpi = None
    kept = []
    for kind, content in chunks:
        if kind == b"iCCP":
            icc = _unpacked(content[content.index(b"\0") + 2 :])
        elif kind == b"eXIf":
            exif = without_prefix(content)
        elif kind == b"iTXt" and content.startswith(_XMP_KEYWORD + b"\0"):
            xmp = _international_text(content)
        elif kind == b"zTXt" and content.startswith(_RAW_EXIF):
            # How EXIF was kept in PNG before there was a chunk for it: a header of lines, then hexadecimal.
            exif = exif or _raw_profile(content)
        elif kind == b"pHYs" and content[8:9] == b"\1":
            across, down = struct.unpack(">II", content[:8])
            dpi = (across * _METRES_PER_INCH, down * _METRES_PER_INCH)
        elif kind in _KEPT_AS_THEY_ARE:
            kept.append((kind, content))
    return Metadata(exif=exif, icc=icc, xmp=xmp, dpi=dpi, png_chunks=tuple(kept))


def _describing(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    for kind, content in metadata.png_chunks:
        # An ICC profile and an sRGB chunk must not stand side by side.
        if not (kind == b"sRGB" and metadata.icc):
            yield kind, content
    if metadata.icc:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)
    if metadata.dpi:
        across, down = (round(value / _METRES_PER_INCH) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", across, down, 1)
    if metadata.xmp:
        yield b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp
    if metadata.exif:
        yield b"eXIf", metadata.exif


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, _LARGEST_BLOCK)


def _international_text(content: bytes) -> bytes:
    _keyword, rest = content.split(b"\0", 1)
    _language, _translated, text = rest[2:].split(b"\0", 2)
    return _unpacked(text) if rest[0] else text


def _raw_profile(content: bytes) -> bytes | None:
    lines = _unpacked(content[content.index(b"\0") + 2 :]).split(b"\n")
    try:
        return without_prefix(bytes.fromhex(b"".join(lines[3:]).decode("ascii")))
    except ValueError:
        return None


def _decode_16_bits(chunks: list[tuple[bytes, bytes]], width: int, height: int, colour: int) -> Pixels:
    # Only the chunks that make the picture: libpng prints complaints about the others to the terminal.
    kept = [(kind, content) for kind, content in chunks if kind in (b"tRNS", b"IDAT")]
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    file = _SIGNATURE + b"".join(_chunk(*chunk) for chunk in [(b"IHDR", header), *kept, (b"IEND", b"")])
    return np.asarray(imagecodecs.png_decode(file))


def _decode_interlaced(chunks: list[tuple[bytes, bytes]], width: int, height: int, colour: int) -> Pixels:
    """Each pass is a small picture of its own; the samples are put in their places afterwards."""
    stream = zlib.decompressobj()
    whole = (1 + 2 * _COLOUR_OF_TYPE[colour] * width) * (height + 7) * 2
    rows = stream.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"), whole)
    transparent = [chunk for chunk in chunks if chunk[0] == b"tRNS"]
    passes: list[tuple[tuple[slice, slice], Pixels]] = []
    at = 0
    for left, top, across, down in _ADAM7:
        columns, lines = len(range(left, width, across)), len(range(top, height, down))
        if not columns or not lines:
            continue
        length = lines * (1 + 2 * _COLOUR_OF_TYPE[colour] * columns)
        part = [*transparent, (b"IDAT", zlib.compress(rows[at : at + length], 1))]
        place = (slice(top, None, down), slice(left, None, across))
        passes.append((place, _decode_16_bits(part, columns, lines, colour)))
        at += length
    picture = np.empty((height, width, *passes[0][1].shape[2:]), np.uint16)
    for place, samples in passes:
        picture[place] = samples
    return picture
