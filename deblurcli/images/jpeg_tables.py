"""Quantisation tables that keep what was done to a picture.

A result is compressed with its source's own tables, which costs nothing that the source had. The tables of a very small
file round off most of a change as well: of what the network did to photographs of quality 10, they kept 72 %, and of
quality 2, 12 %; with no step larger than quality 75's it was 96 % and more, in files of 1.3 to 2.8 times the size
(five photographs in `benchmarks/jpeg_recompression.py`).
"""

from __future__ import annotations

from deblurcli.images.photo import JpegCoding

GENTLE = 75  # of libjpeg's scale
COARSE = 60  # below it tables are not used as they are; from it on they keep 96 %
# fmt: off
# The examples that all encoders start from, in natural order (ITU-T T.81, Annex K.1).
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *([99] * 32),
)
# fmt: on


def kept(coding: JpegCoding) -> tuple[list[list[int]], str | None]:
    """The tables to compress a result with, and a note if they are not the source's own."""
    own = [list(table) for table in coding.tables]
    if sum(own[0]) <= sum(_scaled(_LUMINANCE, COARSE)):
        return own, None
    limits = [_scaled(_LUMINANCE if index == 0 else _CHROMINANCE, GENTLE) for index in range(len(own))]
    gentle = [[min(pair) for pair in zip(table, limit, strict=True)] for table, limit in zip(own, limits, strict=True)]
    return gentle, (
        f"written in JPEG quality {GENTLE}, as its own low one would wipe out the change; --quality sets another"
    )


def _scaled(table: tuple[int, ...], quality: int) -> list[int]:
    """A table for a quality of 50 to 100, as libjpeg makes it."""
    scale = 200 - 2 * quality
    return [min(max((value * scale + 50) // 100, 1), 255) for value in table]
