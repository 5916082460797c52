"""Whether all of a JPEG's picture is there.

Decoders fill what they cannot read with grey and only whisper about it, and the whisper gets lost on its way to Python.
So the stream is decoded a second time, at an eighth of the size, by a library that passes it on. What stands beside
the picture is left out of that, for it is no reason to refuse a photograph.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from deblurcli.images.damage import Damaged
from deblurcli.images.jpeg_stream import END, FRAMES, LOSSLESS, PROGRESSIVE, SCAN, START, JpegStream

_INTERVAL, _ADOBE = 0xDD, 0xEE
# Tables, frame headers, scans, restart intervals and numbers of lines make the picture; Adobe's marker its colours.
_OF_THE_PICTURE = FRAMES | {0xC4, 0xCC, 0xDB, 0xDC, _INTERVAL, SCAN, _ADOBE}
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
# What libjpeg says when a part of the picture is missing or cannot be made out; the rest is of no consequence.
_SERIOUS = re.compile("premature end|bad Huffman code|bad arithmetic code|instead of RST", re.IGNORECASE)
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes")
# More than padding before a restart: the intervals are not as long as the file says, and what is left over is a part.
_LEFT_IN_INTERVAL = re.compile(r"(?:\d{2,}|[89]) extraneous bytes before marker 0xd[0-7]")
_LEFT_AT_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_ODD_BYTES = 8  # that are no mere padding
_FILLING = 64  # zeros that belong to the picture by their place, and say nothing in it


def refuse_incomplete(stream: JpegStream) -> tuple[str, ...]:
    """Refuse a picture of which a part is missing or cannot be decoded. One that lacks only its end marker is whole.

    Returns a note if data is left over when the picture is full, as after most errors in it: Huffman codes go on with
    whatever comes, but do not come out even. Raises Damaged.
    """
    import simplejpeg

    if _missing_scans(stream) or _missing_restarts(stream):
        raise Damaged("it ends before all of the picture has come")
    bare = bytes((0xFF, START)) + b"".join(_written(stream)) + END
    try:
        space = simplejpeg.decode_jpeg_header(bare, strict=False)[2]
        simplejpeg.decode_jpeg(bare, "CMYK" if space in ("CMYK", "YCCK") else "GRAY", fastdct=True, min_factor=8)
    except ValueError as problem:
        # Anything else it cannot do says nothing about the file: Pillow decodes more kinds.
        said = str(problem)
        if _SERIOUS.search(said) or _LEFT_IN_INTERVAL.search(said) or _filled_with_zeros(stream, said):
            raise Damaged("a part of the picture is missing or cannot be made out") from problem
        left = _LEFT_AT_END.search(said)
        if left and stream.ended and int(left[1]) - _zeros_at_end(stream) >= _ODD_BYTES:
            return ("a part of the picture may be damaged: some of its data was left over",)
    return ()


def _missing_scans(stream: JpegStream) -> bool:
    """Whether parts of the picture never come: of each component all coefficients, in all their bits.

    A file that is cut between two scans has nothing in it that a decoder would stumble over.
    """
    frame = stream.frame
    if frame is None or len(frame.content) < 6:
        return True
    wanted = {frame.content[at] for at in range(6, min(6 + 3 * frame.content[5], len(frame.content)), 3)}
    scans = [segment.content for segment in stream.segments if segment.marker == SCAN]
    if frame.marker not in PROGRESSIVE:
        return not wanted <= {component for scan in scans for component in _components(scan)}
    complete: set[tuple[int, int]] = set()
    for scan in scans:
        parameters = scan[1 + 2 * scan[0] : 4 + 2 * scan[0]] if scan else b""
        if len(parameters) == 3 and not parameters[2] & 0x0F:  # down to the last bit
            first, last, _ = parameters
            complete |= {(component, index) for component in _components(scan) for index in range(first, last + 1)}
    return not {(component, index) for component in wanted for index in range(64)} <= complete


def _missing_restarts(stream: JpegStream) -> bool:
    """Whether there are fewer restart markers in a scan than it has restart intervals."""
    frame = stream.frame
    if frame is None or frame.marker in LOSSLESS:
        return False
    height, width = struct.unpack_from(">HH", frame.content, 1)
    parts = frame.content[6 : 6 + 3 * frame.content[5]]
    sampling = {number: (sizes >> 4, sizes & 15) for number, sizes in zip(parts[::3], parts[1::3], strict=False)}
    if not height or not sampling or any(0 in each for each in sampling.values()):
        return False
    most = tuple(max(each[axis] for each in sampling.values()) for axis in (0, 1))
    interval = 0
    for segment in stream.segments:
        if segment.marker == _INTERVAL and len(segment.content) >= 2:
            (interval,) = struct.unpack_from(">H", segment.content)
        elif segment.marker == SCAN and interval:
            numbers = [number for number in _components(segment.content) if number in sampling]
            # A scan of one component has its blocks as units, one of several has groups of blocks.
            own = sampling[numbers[0]] if len(numbers) == 1 else (1, 1)
            across, down = (-(-length * own[axis] // (8 * most[axis])) for axis, length in enumerate((width, height)))
            if len(_RESTART.findall(segment.content)) < -(-across * down // interval) - 1:
                return True
    return False


def _filled_with_zeros(stream: JpegStream, said: str) -> bool:
    """Whether zeros were taken for the end of the picture: more of them end a scan than libjpeg has left over."""
    left = _LEFT_OVER.search(said)
    return left is not None and _zeros_at_end(stream) > int(left[1]) + _FILLING


def _zeros_at_end(stream: JpegStream) -> int:
    """The most zeros that a scan ends with."""
    scans = (segment.content for segment in stream.segments if segment.marker == SCAN)
    return max((len(content) - len(content.rstrip(b"\0")) for content in scans), default=0)


def _components(scan: bytes) -> bytes:
    """The numbers of the components in a scan."""
    return scan[1 : 1 + 2 * scan[0] : 2] if scan else b""


def _written(stream: JpegStream) -> Iterator[bytes]:
    """The segments that make the picture, as a file has them."""
    frame = stream.frame
    sequential = frame is not None and frame.marker in (0xC0, 0xC1, 0xC9)
    for marker, content in ((segment.marker, segment.content) for segment in stream.segments):
        if marker not in _OF_THE_PICTURE:
            continue
        if marker != SCAN:
            yield struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
            continue
        parts = content[0] if content else 0
        header, rest = content[: 4 + 2 * parts], content[4 + 2 * parts :]
        if sequential and len(header) == 4 + 2 * parts:
            header = header[:-3] + b"\0\x3f\0"  # some cameras write other numbers, which sequential files do not use
        yield struct.pack(">BBH", 0xFF, marker, len(header) + 2) + header + rest
