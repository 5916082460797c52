"""A before/after picture."""

from __future__ import annotations

from dataclasses import replace

from deblurcli.images import Photo

GAP = 4  # white columns between the two


def side_by_side(before: Photo, after: Photo) -> Photo:
    """The input on the left, the result on the right."""
    import numpy as np

    pixels = before.pixels
    white = np.iinfo(pixels.dtype).max
    gap = np.full((pixels.shape[0], GAP, *pixels.shape[2:]), white, pixels.dtype)
    metadata = replace(before.metadata, jpeg=None)
    return replace(before, pixels=np.concatenate([pixels, gap, after.pixels], 1), alpha=None, metadata=metadata)
