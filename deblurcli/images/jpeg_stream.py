"""The segments of a JPEG stream, and which kind of JPEG it is (markers: ITU-T T.81, Annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deblurcli.errors import InputError

END = b"\xff\xd9"
MOST_SCANS = 500  # progressive files have about ten; each is decoded over the whole picture
START, SCAN = 0xD8, 0xDA
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
LOSSLESS, _HIERARCHICAL, _JPEG_LS = {0xC3, 0xCB}, {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}, 0xF7
PROGRESSIVE = {0xC2, 0xCA}
# In a scan, 0 after 0xFF stands for 0xFF itself, 0xD0 to 0xD7 are restarts, and 0xFF may be repeated.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True)
class Segment:
    """A marker with what belongs to it: of a scan, its header and all of its data."""

    marker: int
    content: bytes


@dataclass(frozen=True)
class JpegStream:
    """A JPEG file's first picture.

    Attributes:
        segments: in their order.
        ended: whether an end marker follows them.
    """

    segments: tuple[Segment, ...]
    ended: bool

    @property
    def frame(self) -> Segment | None:
        """The frame header."""
        return next((segment for segment in self.segments if segment.marker in FRAMES), None)


def read_stream(data: bytes) -> JpegStream:
    """Take a JPEG file apart, up to the end of its first picture; of a damaged one, as far as it goes."""
    segments: list[Segment] = []
    for marker, content in _segments(data):
        if marker == END[1]:
            return JpegStream(tuple(segments), True)
        segments.append(Segment(marker, content))
    return JpegStream(tuple(segments), False)


def refuse_unreadable(stream: JpegStream) -> None:
    """Refuse kinds of JPEG that are not decoded, by their names.

    Raises InputError without a file name.
    """
    frame = stream.frame
    if frame is None:
        return
    precision = frame.content[0] if frame.content else 8
    if frame.marker == _JPEG_LS:
        raise InputError(_not_read("JPEG-LS"))
    if frame.marker in _HIERARCHICAL:
        raise InputError(_not_read("hierarchical JPEG"))
    if precision != 8:
        kind = "lossless JPEG" if frame.marker in LOSSLESS else "JPEG"
        raise InputError(_not_read(f"{precision}-bit {kind}"))
    if frame.marker == 0xCB:
        raise InputError(_not_read("lossless JPEG with arithmetic coding"))
    scans = sum(segment.marker == SCAN for segment in stream.segments)
    if scans > MOST_SCANS:
        raise InputError(f"a JPEG of {scans} scans, made to keep programs busy; export it anew")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.start() + 1], found.end()
        if marker in (START, END[1], 0x01):
            yield marker, b""
            continue
        if at + 2 > len(data):
            return
        length = max(int.from_bytes(data[at : at + 2], "big"), 2)
        end = at + length
        if marker == SCAN:
            following = _MARKER.search(data, min(end, len(data)))
            end = following.start() if following else len(data)
        yield marker, data[at + 2 : end]
        at = end


def _not_read(kind: str) -> str:
    return f"{kind}, which deblur does not read; convert it to 16-bit PNG or TIFF, or to an 8-bit JPEG"
