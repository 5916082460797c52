"""Interlaced PNG of 16 bits a sample: libpng, as it is reached here, complains about these on the terminal."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from deblurcli.images.pixels import Pixels
from deblurcli.images.png_chunks import Header
from deblurcli.images.png_rows import PASSES, inflated_rows, row_bytes


def decode_interlaced(header: Header, data: bytes, decode: Callable[[Header, bytes], Pixels]) -> Pixels:
    """Each pass is a small picture of its own, which `decode` reads; the samples are put in their places afterwards."""
    rows = inflated_rows(header, data)
    passes: list[tuple[tuple[slice, slice], Pixels]] = []
    at = 0
    for left, top, across, down in PASSES:
        columns, lines = len(range(left, header.width, across)), len(range(top, header.height, down))
        if not columns or not lines:
            continue
        length = lines * row_bytes(header, columns)
        small = header._replace(width=columns, height=lines, interlaced=0)
        samples = decode(small, zlib.compress(rows[at : at + length], 1))
        passes.append(((slice(top, None, down), slice(left, None, across)), samples))
        at += length
    picture = np.empty((header.height, header.width, *passes[0][1].shape[2:]), np.uint16)
    for place, samples in passes:
        picture[place] = samples
    return picture
