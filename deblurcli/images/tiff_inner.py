"""Strips and tiles of a TIFF that are pictures with headers of their own: what those claim is checked, too.

The size of the page has been checked by then; a strip that says it is larger would be unpacked all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import tifffile

from deblurcli.images.damage import Damaged

_CODESTREAM = b"\xff\x4f\xff\x51"  # the markers that JPEG 2000 begins with; its sizes follow (ITU-T T.800, A.5.1)
_SLACK = 4  # times as many pixels as there should be
_LEAST = 1 << 20  # pixels that nobody is stopped by


def refuse_oversized(page: tifffile.TiffPage, data: bytes) -> None:
    """Refuse a page of which a part claims to be far larger than it can be. Raises Damaged."""
    size = _SIZES.get(int(page.compression))
    if size is None:
        return
    most = max(_SLACK * page.imagelength * page.imagewidth, _LEAST)
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        try:
            width, height = size(data[offset : offset + count])
        except struct.error:
            continue  # too short for a picture, which decoding will tell
        if width * height > most:
            raise Damaged("a part of the picture claims to be larger than the whole")


def _of_jpeg_2000(strip: bytes) -> tuple[int, int]:
    at = strip.find(_CODESTREAM)
    if at < 0:
        return 0, 0
    right, bottom, left, top = struct.unpack_from(">4I", strip, at + 8)
    return max(right - left, 0), max(bottom - top, 0)


def _of_png(strip: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", strip, 16)
    return width, height


def _of_webp(strip: bytes) -> tuple[int, int]:
    """By RFC 9649, sections 2.5 to 2.7."""
    match strip[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(strip[24:27], "little"), 1 + int.from_bytes(strip[27:30], "little")
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", strip, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", strip, 26)
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0


_SIZES: dict[int, Callable[[bytes], tuple[int, int]]] = {
    **dict.fromkeys((33003, 33004, 33005, 34712), _of_jpeg_2000),
    34933: _of_png,
    50001: _of_webp,
}
