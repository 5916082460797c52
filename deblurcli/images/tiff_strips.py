"""Where the strips of a TIFF end, for scanners that count wrong: pixels that are all there are read.

What is not there is refused, as tifffile would fill it with zeros, which pass for a black part of the picture.
"""

from __future__ import annotations

import math
from itertools import zip_longest

import tifffile

from deblurcli.images.damage import Damaged

_NONE = tifffile.COMPRESSION.NONE
_CHECKED = {5, 8, 32773, 32946, 34925, 50000}  # what unpacks to a known length
_SLACK = 1 << 16
_END_OF_JPEG = b"\xff\xd9"


def repair(page: tifffile.TiffPage, data: bytes) -> None:
    """Set the page's byte counts right where they are 0, too short or beyond the end. Damaged if pixels are missing."""
    offsets, counts = list(page.dataoffsets), list(page.databytecounts)
    if len(offsets) < math.prod(page.chunked):
        raise Damaged("it ends in the middle")
    repaired = []
    for index, (offset, count) in enumerate(zip_longest(offsets, counts[: len(offsets)], fillvalue=0)):
        if not 0 < offset < len(data):
            raise Damaged("it ends in the middle")
        if page.compression == _NONE:
            count = _expected(page, index)
            if offset + count > len(data):
                raise Damaged("it ends in the middle")
        elif count == 0 or offset + count > len(data):
            behind = min((other for other in offsets if other > offset), default=len(data))
            count = (behind if count == 0 else len(data)) - offset
            _refuse_short(page, index, data[offset : offset + count])
        repaired.append(count)
    page.databytecounts = tuple(repaired)


def _expected(page: tifffile.TiffPage, index: int) -> int:
    """The bytes of a strip or tile that is not compressed."""
    samples = page.samplesperpixel if page.planarconfig == tifffile.PLANARCONFIG.CONTIG else 1
    if page.is_tiled:
        return -(-page.tilewidth * samples * page.bitspersample // 8) * page.tilelength
    rows = min(page.rowsperstrip or page.imagelength, page.imagelength)
    strips = -(-page.imagelength // rows)
    first = (index % strips) * rows
    return -(-page.imagewidth * samples * page.bitspersample // 8) * min(rows, page.imagelength - first)


def _refuse_short(page: tifffile.TiffPage, index: int, strip: bytes) -> None:
    if page.compression in _CHECKED:
        expected = _expected(page, index)
        # With room for a longer one, but not for what a small strip may be made to unpack to.
        unpacked = tifffile.TIFF.DECOMPRESSORS[page.compression](strip, out=2 * expected + _SLACK)
        whole = len(unpacked) >= expected
    else:
        whole = page.compression == tifffile.COMPRESSION.JPEG and strip.rstrip(b"\0").endswith(_END_OF_JPEG)
    if not whole:
        raise Damaged("it ends in the middle")
