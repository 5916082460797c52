"""The rows of a PNG's picture as they are packed: whether all are there, and unpacking what is packed badly.

libpng complains of bad packing on the terminal, and of much of it needlessly: the rows may all be there.
"""

from __future__ import annotations

import zlib

from deblurcli.images.damage import Damaged
from deblurcli.images.png_chunks import Header

#: The seven passes of an interlaced picture: first column, first row, step across, step down.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_AT_ONCE = 1 << 20
_ZLIB_HEADER, _SUM_BYTES = 2, 4


def refuse_impossible_header(header: Header) -> None:
    """Raises Damaged for a header that no PNG has."""
    known = header.depth in _DEPTHS.get(header.colour, ()) and header.interlaced in (0, 1)
    if not known or header.compression or header.filters or not header.width or not header.height:
        raise Damaged("its header means nothing")


def row_bytes(header: Header, width: int) -> int:
    """Bytes of a row of so many pixels, with the filter's number before them."""
    return 1 + (width * header.depth * header.samples + 7) // 8


def expected_bytes(header: Header) -> int:
    """How much the picture unpacks to."""
    if not header.interlaced:
        return header.height * row_bytes(header, header.width)
    total = 0
    for left, top, across, down in PASSES:
        columns, lines = len(range(left, header.width, across)), len(range(top, header.height, down))
        total += lines * row_bytes(header, columns) if columns else 0
    return total


def is_sound(header: Header, data: bytes) -> bool:
    """Whether the packed picture unpacks to what the header says, sum and end included. Nothing of it is kept."""
    stream, total, rest = zlib.decompressobj(), 0, data
    try:
        while not stream.eof:
            part = stream.decompress(rest, _AT_ONCE)
            total, rest = total + len(part), stream.unconsumed_tail
            if not part and not rest:
                return False
    except zlib.error:
        return False
    return total == expected_bytes(header) and not stream.unused_data


def inflated_rows(header: Header, data: bytes) -> bytes:
    """The rows of a picture, also of one whose sum is wrong or whose end is missing. Damaged if rows are missing, or if
    there are more than there should be, and no end: so does it go on where a part was lost to zeros."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)  # which knows no sum
    try:
        rows = stream.decompress(data[_ZLIB_HEADER:], expected_bytes(header))
        more = len(rows) == expected_bytes(header) and _goes_on(stream)
    except zlib.error:
        raise Damaged("a part of the picture cannot be unpacked") from None
    if more:
        raise Damaged("a part of the picture cannot be made out")
    if len(rows) < expected_bytes(header):
        raise Damaged("it ends in the middle")
    return rows


def _goes_on(stream: zlib._Decompress) -> bool:
    """Whether a stream has more to give, but no end."""
    rest, more = stream.unconsumed_tail, False
    while not stream.eof:
        part = stream.decompress(rest, _AT_ONCE)
        more, rest = more or bool(part), stream.unconsumed_tail
        if not part and not rest:
            return more
    return False


def sum_is_wrong(data: bytes, rows: bytes) -> bool:
    """Whether the packed picture has a sum that is not that of these rows. One that is missing is not wrong."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    more = stream.decompress(data[_ZLIB_HEADER:], len(rows) + 1)[len(rows) :]
    behind = stream.unused_data[:_SUM_BYTES]
    whole = stream.eof and not more and len(behind) == _SUM_BYTES
    return whole and int.from_bytes(behind, "big") != zlib.adler32(rows)
