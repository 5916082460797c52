"""A before/after picture."""

from __future__ import annotations

from dataclasses import replace

from deblurcli.images import Photo
from deblurcli.images.capacity import fits

FORMAT = "JPEG"
GAP = 4  # white columns or rows between the two


def before_and_after(before: Photo, after: Photo) -> Photo | None:
    """The input on the left, the result on the right; of a panorama too wide for that, one above the other.

    None if the format holds neither.
    """
    import numpy as np

    height, width = before.pixels.shape[:2]
    if fits(FORMAT, 2 * width + GAP, height):
        axis = 1
    elif fits(FORMAT, width, 2 * height + GAP):
        axis = 0
    else:
        return None
    pixels = before.pixels
    shape = (*pixels.shape[:axis], GAP, *pixels.shape[axis + 1 :])
    gap = np.full(shape, np.iinfo(pixels.dtype).max, pixels.dtype)
    metadata = replace(before.metadata, jpeg=None)
    return replace(before, pixels=np.concatenate([pixels, gap, after.pixels], axis), alpha=None, metadata=metadata)
