"""Reading JPEG: the picture through Pillow, and what stands beside it from the segments."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

from PIL import Image, JpegImagePlugin

from deblurcli.images import xmp_extension
from deblurcli.images.colour import channels_of
from deblurcli.images.exif import resolution_of
from deblurcli.images.jpeg_segments import APP0, APP1, APP2, APP11, APP12, APP13, APP14, APP15, COMMENT
from deblurcli.images.jpeg_stream import END, JpegStream, read_stream, refuse_unreadable
from deblurcli.images.jpeg_trailer import parts_behind
from deblurcli.images.jpeg_whole import refuse_incomplete
from deblurcli.images.limits import check_size
from deblurcli.images.photo import JpegCoding, Metadata, Photo, Text
from deblurcli.images.photoshop import iptc_and_rest

XMP, EXTENDED_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
ICC, PHOTOSHOP = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
_EXIF = (b"Exif\0\0", b"Exif\0\xff", b"Exif\xff\xff")  # the first is right, the others are met
#: What the encoder writes itself or what describes the file as it was.
_REWRITTEN = (APP0, APP12, APP14)


def coding_of(image: JpegImagePlugin.JpegImageFile) -> JpegCoding | None:
    """How an opened JPEG was compressed; None for CMYK, whose tables fit no other colours."""
    if image.mode not in ("L", "RGB"):
        return None
    tables = tuple(tuple(image.quantization[index]) for index in sorted(image.quantization))
    progressive = bool(image.info.get("progressive"))
    return JpegCoding(tables, JpegImagePlugin.get_sampling(image), progressive)


def decode_jpeg(data: bytes) -> Photo:
    """Decode a JPEG file's first picture. Raises InputError (without a file name) for kinds that are not read, Damaged
    or other errors for a picture of which a part is missing."""
    stream = read_stream(data)
    refuse_unreadable(stream)
    with Image.open(io.BytesIO(_picture_alone(data, stream)), formats=["JPEG"]) as image:
        check_size(*image.size)
        doubts = refuse_incomplete(stream)
        image.load()
        metadata, notes, parts = described(data, stream)
        channels = channels_of(image, metadata.icc)
        coding = coding_of(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else None
        metadata = replace(metadata, icc=channels.icc, jpeg=coding)
    return Photo(channels.pixels, channels.alpha, "JPEG", metadata, (*channels.notes, *doubts, *notes), parts)


def _picture_alone(data: bytes, stream: JpegStream) -> bytes:
    """The file without what stands beside the picture, which is read here and cannot keep Pillow from decoding; with
    the end marker, should it lack that."""
    pieces, at = [], 0
    for segment in stream.segments:
        beside = segment.marker == COMMENT or APP0 <= segment.marker <= APP15
        if beside and not segment.content.startswith((b"JFIF\0", b"Adobe")):  # which say how colours are stored
            pieces.append(data[at : segment.at - 4])
            at = segment.at + len(segment.content)
    pieces.append(data[at : stream.end])
    return b"".join(pieces) + (b"" if stream.ended else END)


def described(data: bytes, stream: JpegStream) -> tuple[Metadata, tuple[str, ...], tuple[str, ...]]:
    """The metadata in a file's segments, notes on what is damaged, and the names of parts that have no place in it."""
    notes: list[str] = []
    packet, parts = _xmp(stream, notes)
    iptc, photoshop = iptc_and_rest(b"".join(stream.contents(APP13, PHOTOSHOP)))
    exif, second = _exif(stream)
    dpi, aspect = _density(stream)
    parts += [name for name, there in (("second EXIF block", second), ("pixel aspect ratio", aspect)) if there]
    kept: dict[int, list[tuple[int, bytes]]] = {}
    for segment in stream.segments:
        if segment.marker == APP11 and b"jumb" in segment.content[:40]:
            parts.append("content credentials")
        elif _has_no_place_yet(segment.marker, segment.content):
            if b"\xff\xd8\xff" in segment.content:
                parts.append("large preview")
            else:
                kept.setdefault(segment.marker, []).append((segment.marker, segment.content))
    metadata = Metadata(
        exif=exif,
        icc=_icc(stream, notes),
        xmp=packet,
        iptc=iptc,
        photoshop=photoshop,
        dpi=dpi or (resolution_of(exif) if exif else None),
        texts=tuple(_comment(content) for content in stream.contents(COMMENT)),
        jpeg_segments=tuple(one for group in kept.values() for one in group),
    )
    return metadata, tuple(notes), tuple(dict.fromkeys((*parts, *parts_behind(data, stream))))


def _exif(stream: JpegStream) -> tuple[bytes | None, bool]:
    """The EXIF block, and whether there is a second one; what has no header of its own continues the first."""
    block = b""
    for content in stream.contents(APP1):
        if content.startswith(_EXIF):
            part = content[6:]
            if block and part[:4] in (b"II*\0", b"MM\0*"):
                return block, True
            block += part
    return block or None, False


def _density(stream: JpegStream) -> tuple[tuple[float, float] | None, bool]:
    """JFIF's dots an inch, and whether it tells of pixels that are not square instead."""
    for content in stream.contents(APP0, b"JFIF\0"):
        if len(content) >= 7:
            unit, across, down = struct.unpack_from(">BHH", content, 2)
            inches = {1: 1.0, 2: 1 / 2.54}.get(unit)
            if inches and across and down:
                return (across / inches, down / inches), False
            return None, not unit and across != down and bool(across and down)
    return None, False


def _icc(stream: JpegStream, notes: list[str]) -> bytes | None:
    """The profile from its numbered pieces."""
    pieces = {content[0]: content for content in stream.contents(APP2, ICC) if len(content) >= 2}
    if not pieces:
        return None
    count = next(iter(pieces.values()))[1]
    profile = b"".join(pieces[number][2:] for number in sorted(pieces))
    whole = sorted(pieces) == list(range(1, count + 1)) and len(profile) >= 128
    if not whole or struct.unpack_from(">I", profile)[0] > len(profile):
        notes.append("its colour profile is incomplete and was left out")
        return None
    return profile


def _xmp(stream: JpegStream, notes: list[str]) -> tuple[bytes | None, list[str]]:
    """The packet, with what was moved into extensions for want of room, and the names of parts that are lost."""
    packets, chunks = stream.contents(APP1, XMP), stream.contents(APP1, EXTENDED_XMP)
    if not packets:
        return None, ["extended XMP"] if chunks else []
    others = ["second XMP packet"] if any(packet != packets[0] for packet in packets) else []
    if not chunks:
        return packets[0], others
    extension = xmp_extension.assembled(packets[0], chunks)
    if extension is None:
        notes.append("its extended XMP is incomplete and was left out")
        return packets[0], others
    try:
        return xmp_extension.merged(packets[0], extension), others
    except ValueError:
        notes.append("its extended XMP is damaged and was left out")
        return packets[0], others


def _has_no_place_yet(marker: int, content: bytes) -> bool:
    """Whether a segment is none of those that are read into a field, and none that describes the file as it was."""
    if marker in _REWRITTEN or not APP0 <= marker <= APP15:
        return False
    read = {
        APP1: (*_EXIF, XMP, EXTENDED_XMP),
        APP2: (ICC, b"MPF\0", b"urn:iso:std:iso:ts:21496:-1"),
        APP13: (PHOTOSHOP,),
    }
    return bool(content.strip(b"\0")) and not content.startswith(read.get(marker, ()))


def _comment(content: bytes) -> Text:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return Text("Comment", text.rstrip("\0"), (b"COM", content))
