"""Interlaced PNG of 16 bits a sample: libpng, as it is reached here, complains about these on the terminal."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from deblurcli.images.pixels import Pixels
from deblurcli.images.png_chunks import Header

# The seven passes: first column, first row, step across, step down.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def decode_interlaced(header: Header, data: bytes, decode: Callable[[Header, bytes], Pixels]) -> Pixels:
    """Each pass is a small picture of its own, which `decode` reads; the samples are put in their places afterwards."""
    row = 2 * header.samples
    rows = zlib.decompressobj().decompress(data, (1 + row * header.width) * (header.height + 7) * 2)
    passes: list[tuple[tuple[slice, slice], Pixels]] = []
    at = 0
    for left, top, across, down in _PASSES:
        columns, lines = len(range(left, header.width, across)), len(range(top, header.height, down))
        if not columns or not lines:
            continue
        length = lines * (1 + row * columns)
        small = header._replace(width=columns, height=lines, interlaced=0)
        samples = decode(small, zlib.compress(rows[at : at + length], 1))
        passes.append(((slice(top, None, down), slice(left, None, across)), samples))
        at += length
    picture = np.empty((header.height, header.width, *passes[0][1].shape[2:]), np.uint16)
    for place, samples in passes:
        picture[place] = samples
    return picture
