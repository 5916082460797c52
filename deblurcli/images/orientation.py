"""Turning a photograph upright, once: the pixels and every place where the file says how it is turned."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deblurcli.images import exif
from deblurcli.images.photo import Photo
from deblurcli.images.pixels import Pixels

_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_IN_XMP = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)([1-8])""")


def turn_upright(photo: Photo, *, stored_upright: bool = False) -> Photo:
    """Apply the orientation that the metadata asks for to pixels and alpha, and set it to 1 wherever it stands.

    With `stored_upright` the decoder has turned the picture already, and only the metadata is set right. A damaged
    EXIF block is left out, with a note.
    """
    metadata, notes = photo.metadata, photo.notes
    in_exif = None
    if metadata.exif:
        try:
            in_exif = exif.orientation_of(metadata.exif)
            exif.upright(metadata.exif, turned=False)
        except ValueError:
            metadata = replace(metadata, exif=None)
            notes = (*notes, "its EXIF block is damaged and was left out")
    found = _IN_XMP.search(metadata.xmp or b"")
    in_xmp = int(found[2]) if found else None
    # EXIF decides, as it does in viewers; XMP is asked only when EXIF is silent.
    orientation = 1 if stored_upright else in_exif or in_xmp or 1

    if metadata.exif:
        metadata = replace(metadata, exif=exif.upright(metadata.exif, turned=orientation >= 5))
    if metadata.xmp:
        metadata = replace(metadata, xmp=_IN_XMP.sub(rb"\g<1>1", metadata.xmp))
    if metadata.dpi and orientation >= 5:
        metadata = replace(metadata, dpi=metadata.dpi[::-1])
    alpha = photo.alpha if photo.alpha is None else _turned(photo.alpha, orientation)
    return replace(photo, pixels=_turned(photo.pixels, orientation), alpha=alpha, metadata=metadata, notes=notes)


def _turned(array: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return array if turn is None else np.ascontiguousarray(turn(array))
