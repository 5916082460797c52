"""Reading PNG, 8 and 16 bits a sample.

Pillow halves 16-bit colour, so those samples go through libpng (imagecodecs). Both get the chunks that make the picture
and no others; what stands beside it is read here, each chunk by itself, and left out with a note where it is damaged.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import imagecodecs
import numpy as np
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images.colour import Channels, channels_of, split_alpha
from deblurcli.images.exif import without_prefix
from deblurcli.images.limits import check_size
from deblurcli.images.parts import unknown_bytes
from deblurcli.images.photo import Cicp, Metadata, Photo, Text
from deblurcli.images.photoshop import iptc_and_rest
from deblurcli.images.pixels import Pixels
from deblurcli.images.png_adam7 import decode_interlaced
from deblurcli.images.png_chunks import LARGEST_BLOCK, Chunk, Chunks, Header, chunks_of, file_of, unpacked
from deblurcli.images.png_rows import inflated_rows, is_sound, refuse_impossible_header, sum_is_wrong
from deblurcli.images.png_text import RAW_PROFILE, TEXT_TYPES, XMP_KEYWORD, packet_of, raw_profile, text_of

_COLOURS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"mDCV": 24, b"cLLI": 8}
_FOLLOWS_THE_PICTURE = {b"sBIT", b"tIME", b"iDOT", b"acTL", b"fcTL"}  # of the file as it was, and no loss
_NAMES = {b"bKGD": "background colour", b"fdAT": "animation frame", b"caBX": "content credentials"}
_BROKEN_NAMES = {b"iCCP": "colour profile", b"eXIf": "EXIF", b"pHYs": "print resolution", b"tIME": "time of change"}
_WINDOW, _FIRST_BYTES = 7, b"\x78\x9c"  # of zlib: how far back it may reach at most
_METRES_PER_INCH = 0.0254
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"


def decode_png(data: bytes) -> Photo:
    """Decode a PNG file. Raises InputError (without a file name) for animations, other errors for damage."""
    if data[12:16] == b"CgBI":
        raise InputError("a PNG made for iPhone programs alone; convert it to an ordinary PNG first")
    chunks = chunks_of(data)
    refuse_impossible_header(chunks.header)
    check_size(chunks.header.width, chunks.header.height, 8 if chunks.header.depth == 16 else 4)
    frames = chunks.first(b"acTL")
    if frames and int.from_bytes(frames[:4], "big") > 1:
        count = int.from_bytes(frames[:4], "big")
        raise InputError(f"an animation of {count} frames; restore it by itself, or its folder with --videos")
    notes: list[str] = []
    if not is_sound(chunks.header, chunks.data):
        rows = inflated_rows(chunks.header, chunks.data)
        if sum_is_wrong(chunks.data, rows):
            notes.append("the sum of its picture data is wrong: a part of the picture may be damaged")
        chunks = replace(chunks, data=zlib.compress(rows, 1))
    elif chunks.data[0] >> 4 < _WINDOW:  # libpng believes it, and some programs tell of a smaller one than they used
        chunks = replace(chunks, data=_FIRST_BYTES + chunks.data[2:])
    metadata, parts = _described(chunks, notes)
    channels = _channels(chunks, metadata.icc, notes)
    metadata = replace(metadata, icc=channels.icc, bits=max(chunks.header.depth, 8))
    return Photo(channels.pixels, channels.alpha, "PNG", metadata, (*channels.notes, *notes), parts)


def _channels(chunks: Chunks, icc: bytes | None, notes: list[str]) -> Channels:
    header, palette = chunks.header, chunks.palette
    key = _transparency(chunks, notes)
    if header.depth == 16:
        transparent = [(b"tRNS", key)] if key else []

        def decode(part: Header, rows: bytes) -> Pixels:
            return np.asarray(imagecodecs.png_decode(file_of(part, [*transparent, (b"IDAT", rows)])))

        samples = decode_interlaced(header, chunks.data, decode) if header.interlaced else decode(header, chunks.data)
        return Channels(*split_alpha(samples), icc)
    small_grey = header.colour == 0 and header.depth < 8
    picture: list[Chunk] = [(b"PLTE", palette)] if palette and header.colour == 3 else []
    # Pillow compares a key of fewer bits with samples that it has widened, so that one is applied here.
    picture += [(b"tRNS", key)] if key and not small_grey else []
    with Image.open(io.BytesIO(file_of(header, [*picture, (b"IDAT", chunks.data)])), formats=["PNG"]) as image:
        image.load()
        channels = channels_of(image, icc)
    if not (key and small_grey):
        return channels
    transparent_grey = int.from_bytes(key, "big") * 255 // ((1 << header.depth) - 1)
    return replace(channels, alpha=np.where(channels.pixels == transparent_grey, 0, 255).astype(np.uint8))


def _transparency(chunks: Chunks, notes: list[str]) -> bytes | None:
    """tRNS, if it fits the picture."""
    key = chunks.first(b"tRNS")
    if key is None:
        return None
    colour, entries = chunks.header.colour, len(chunks.palette or b"") // 3
    if (colour in (0, 2) and len(key) == (2 if colour == 0 else 6)) or (colour == 3 and key):
        return key[:entries] if colour == 3 else key
    if colour in (0, 2, 3):
        notes.append("its transparency (tRNS) is damaged and was left out")
    return None


def _described(chunks: Chunks, notes: list[str]) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata, and the names of the parts that have no place in it."""
    metadata, texts, kept = Metadata(), list[Text](), list[Chunk]()
    parts: dict[str, None] = {}
    room = LARGEST_BLOCK
    broken = [_name_of(kind, b"") for kind in chunks.damaged]
    for kind, content in chunks.beside:
        try:
            if kind in TEXT_TYPES:
                text = text_of(kind, content, room)
                room = max(room - len(text.text), 1)
                metadata, taken = _from_text(metadata, text)
                if not taken:
                    texts.append(text)
            elif kind == b"iCCP":
                metadata = replace(metadata, icc=_profile(content))
            elif kind == b"eXIf":
                metadata = replace(metadata, exif=without_prefix(content))
            elif kind == b"pHYs":
                metadata = replace(metadata, dpi=_resolution(content))
                if content[8] != 1 and content[:4] != content[4:8]:
                    parts["pixel aspect ratio"] = None
            elif kind == b"cICP" and content[2:] == b"\0\1":
                metadata = replace(metadata, cicp=Cicp(content[0], content[1], 0))
            elif kind in _COLOURS and len(content) != _COLOURS[kind]:
                raise ValueError("of another length")
            elif kind in _COLOURS or kind == b"cICP" or _may_be_copied(kind):
                kept.append((kind, content))
            elif kind not in _FOLLOWS_THE_PICTURE and kind != b"tRNS":
                parts[_NAMES.get(kind, f"PNG data ({kind.decode('latin-1')})")] = None
        except (ValueError, struct.error):
            broken.append(_name_of(kind, content))
    if chunks.header.colour == 3 or chunks.header.depth < 8:
        parts.pop(_NAMES[b"bKGD"], None)  # a place in a palette that is no more
    if behind := unknown_bytes(chunks.behind):
        parts[behind] = None
    notes += [f"its {name} is damaged and was left out" for name in dict.fromkeys(broken)]
    return replace(metadata, texts=tuple(texts), png_chunks=tuple(kept)), tuple(parts)


def _name_of(kind: bytes, content: bytes) -> str:
    """A chunk in words, of one that is damaged."""
    if kind in TEXT_TYPES:
        keyword = content.split(b"\0")[0].decode("latin-1")[:79]
        return "XMP" if keyword == XMP_KEYWORD else f'text "{keyword}"' if keyword.isprintable() and keyword else "text"
    return _BROKEN_NAMES.get(kind, f"{kind.decode('latin-1')} data" if kind.isalpha() else "unknown data")


def _may_be_copied(kind: bytes) -> bool:
    """Whether an unknown chunk says of itself, by a small last letter, that it may stand beside changed pixels."""
    return bool(kind[0] & kind[3] & 0x20) and kind.isalpha() and kind not in _NAMES


def _profile(content: bytes) -> bytes:
    _, separator, packed = content.partition(b"\0")
    profile = unpacked(packed[1:])
    if not separator or len(profile) < 128:
        raise ValueError("no profile")
    return profile


def _resolution(content: bytes) -> tuple[float, float] | None:
    across, down, unit = struct.unpack(">IIB", content)
    return (across * _METRES_PER_INCH, down * _METRES_PER_INCH) if unit == 1 and across and down else None


def _from_text(metadata: Metadata, text: Text) -> tuple[Metadata, bool]:
    """The metadata with what a text stands for, and whether it does. Raises ValueError for damage."""
    if text.keyword == XMP_KEYWORD:
        return replace(metadata, xmp=metadata.xmp or packet_of(text)), True
    named = RAW_PROFILE.match(text.keyword)
    if named is None:
        # What ImageMagick repeats of the EXIF as texts; this one would no longer be true.
        return metadata, text.keyword.lower() in ("exif:orientation", "tiff:orientation")
    match named[1].lower():
        case "exif" | "app1":
            profile = raw_profile(text)
            if profile.startswith(_XMP_HEADER):
                return replace(metadata, xmp=metadata.xmp or profile[len(_XMP_HEADER) :]), True
            return replace(metadata, exif=metadata.exif or without_prefix(profile)), True
        case "xmp":
            return replace(metadata, xmp=metadata.xmp or raw_profile(text)), True
        case "iptc" | "8bim" | "app13":
            block = raw_profile(text).removeprefix(b"Photoshop 3.0\0")
            iptc, photoshop = iptc_and_rest(block) if block.startswith(b"8BIM") else (block, None)
            return replace(metadata, iptc=iptc or metadata.iptc, photoshop=photoshop or metadata.photoshop), True
        case "icc" | "icm":
            return replace(metadata, icc=metadata.icc or raw_profile(text)), True
    return metadata, False
