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
    """A marker with what belongs to it, of a scan its header and all of its data, and where in the file that stands."""

    marker: int
    content: bytes
    at: int = 0


@dataclass(frozen=True)
class JpegStream:
    """A JPEG file's first picture.

    Attributes:
        segments: in their order.
        end: where in the file the picture ends; None without an end marker.
    """

    segments: tuple[Segment, ...]
    end: int | None

    @property
    def ended(self) -> bool:
        """Whether an end marker follows the segments."""
        return self.end is not None

    def contents(self, marker: int, prefix: bytes = b"") -> list[bytes]:
        """Of the segments with this marker whose contents begin so, what follows that."""
        return [
            segment.content[len(prefix) :]
            for segment in self.segments
            if segment.marker == marker and segment.content.startswith(prefix)
        ]

    @property
    def frame(self) -> Segment | None:
        """The frame header."""
        return next((segment for segment in self.segments if segment.marker in FRAMES), None)


def read_stream(data: bytes, start: int = 0) -> JpegStream:
    """Take a JPEG file apart, or what begins at `start` of it, up to the end of that picture.

    A damaged one is taken apart as far as it goes.
    """
    segments: list[Segment] = []
    for segment in _segments(data, start):
        if segment.marker == END[1]:
            return JpegStream(tuple(segments), segment.at)
        segments.append(segment)
    return JpegStream(tuple(segments), None)


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


def _segments(data: bytes, start: int) -> Iterator[Segment]:
    at = start + 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.start() + 1], found.end()
        if marker in (START, END[1], 0x01):
            yield Segment(marker, b"", at)
            continue
        if at + 2 > len(data):
            return
        length = max(int.from_bytes(data[at : at + 2], "big"), 2)
        end = at + length
        if marker == SCAN:
            following = _MARKER.search(data, min(end, len(data)))
            end = following.start() if following else len(data)
        yield Segment(marker, data[at + 2 : end], at + 2)
        at = end


def _not_read(kind: str) -> str:
    return f"{kind}, which deblur does not read; convert it to 16-bit PNG or TIFF, or to an 8-bit JPEG"
