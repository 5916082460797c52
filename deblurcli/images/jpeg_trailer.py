"""What follows the picture in a JPEG file: second pictures, gain maps, videos, a maker's own data. None is kept."""

from __future__ import annotations

import struct

from deblurcli.images.jpeg_segments import APP1, APP2
from deblurcli.images.jpeg_stream import JpegStream, read_stream
from deblurcli.images.parts import PADDING

_GAIN_MAP = (
    b"http://ns.adobe.com/hdr-gain-map/",
    b"urn:iso:std:iso:ts:21496:-1",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
)
_DEPTH = (
    b"http://ns.apple.com/depthData/",
    b"http://ns.google.com/photos/1.0/depthmap/",
    b"http://ns.google.com/photos/dd/1.0/depthmap/",
)
_PREVIEWS = (0x010001, 0x010002, 0x010003, 0x010004, 0x010005)  # MPF's types of large thumbnails
_SAMSUNG = b"SEFT"
_SAMSUNG_NAMES = {b"MotionPhoto_Data": "video", b"DepthMap": "depth map", b"Depth_Map": "depth map"}


def parts_behind(data: bytes, stream: JpegStream) -> tuple[str, ...]:
    """The names of the parts that follow the picture, each once."""
    names: dict[str, None] = {}
    at, unknown = stream.end or len(data), 0
    about_gain_map = _tells_of(stream, _GAIN_MAP)
    previews = _previews(stream)
    if data.endswith(_SAMSUNG):
        names |= dict.fromkeys(_samsung_names(data))
    while at < len(data):
        if data.startswith(b"\xff\xd8\xff", at):
            name, at = _picture(data, at, at in previews, about_gain_map)
            names[name] = None
        elif data[at + 4 : at + 8] == b"ftyp":
            names["video"] = None
            at = _end_of_boxes(data, at)
        else:
            following = _next_known(data, at)
            unknown += len(data[at:following].strip(PADDING))
            at = following
    if unknown and not data.endswith(_SAMSUNG):
        names[f"{unknown:,} bytes of unknown data after the picture"] = None
    return tuple(names)


def _picture(data: bytes, at: int, preview: bool, about_gain_map: bool) -> tuple[str, int]:
    inside = read_stream(data, at)
    end = inside.end or len(data)
    if _tells_of(inside, _GAIN_MAP):
        return "HDR gain map", end
    if _tells_of(inside, _DEPTH):
        return "depth map", end
    if preview:
        return "large preview", end
    return ("HDR gain map" if about_gain_map else "second picture"), end


def _tells_of(stream: JpegStream, marks: tuple[bytes, ...]) -> bool:
    contents = (*stream.contents(APP1), *stream.contents(APP2))
    return any(mark in content for content in contents for mark in marks)


def _previews(stream: JpegStream) -> set[int]:
    """Where the multi-picture directory says that previews of the first picture stand."""
    places: set[int] = set()
    for one in stream.segments:
        if one.marker != APP2 or not one.content.startswith(b"MPF\0"):
            continue
        base, table = one.at + 4, one.content[4:]
        order = "<" if table[:2] == b"II" else ">"
        try:
            (directory,) = struct.unpack_from(order + "I", table, 4)
            (count,) = struct.unpack_from(order + "H", table, directory)
            for entry in range(directory + 2, directory + 2 + 12 * min(count, 20), 12):
                tag, _, length, offset = struct.unpack_from(order + "HHII", table, entry)
                if tag == 0xB002:
                    for place in range(offset, offset + min(length, len(table)), 16):
                        kind, _, start = struct.unpack_from(order + "III", table, place)
                        if kind & 0xFFFFFF in _PREVIEWS:
                            places.add(base + start)
        except struct.error:
            continue
    return places


def _end_of_boxes(data: bytes, at: int) -> int:
    """Where a video ends, which is a row of boxes."""
    while at + 8 <= len(data) and data[at + 4 : at + 8].isalnum():
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1 and at + 16 <= len(data):
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return len(data)
        at += size
    return min(at, len(data))


def _next_known(data: bytes, at: int) -> int:
    picture, video = data.find(b"\xff\xd8\xff", at + 1), data.find(b"ftyp", at + 5)
    places = [place for place in (picture, video - 4) if place > at]
    return min(places, default=len(data))


def _samsung_names(data: bytes) -> list[str]:
    """The parts that Samsung's directory at the file's end names; all it names else are numbers about the shot."""
    names = [words for name, words in _SAMSUNG_NAMES.items() if name in data[-65536:]]
    return [*names, "Samsung's data about the shot"]
