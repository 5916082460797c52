"""Strips and tiles of a TIFF that are JPEG streams: each may be as incomplete as a JPEG file."""

from __future__ import annotations

import tifffile

from deblurcli.images.jpeg_stream import JpegStream, read_stream, refuse_unreadable
from deblurcli.images.jpeg_whole import refuse_incomplete


def refuse_incomplete_strips(page: tifffile.TiffPage, data: bytes) -> tuple[str, ...]:
    """Refuse a page of which a part is missing or cannot be decoded.

    Returns notes on what may be damaged. Raises Damaged; InputError, without a file name, for kinds of JPEG that are
    not read.
    """
    doubts: dict[str, None] = {}
    if page.compression != tifffile.COMPRESSION.JPEG:
        return ()
    # Tables that all strips share stand apart, as a stream without a picture.
    shared = read_stream(page.jpegtables).segments if page.jpegtables else ()
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        stream = read_stream(data[offset : offset + count])
        whole = JpegStream((*shared, *stream.segments), stream.end)
        refuse_unreadable(whole)
        doubts |= dict.fromkeys(refuse_incomplete(whole))
    return tuple(doubts)
