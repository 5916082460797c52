"""Turning a photograph upright, once: the pixels and every place where the file says how it is turned.

EXIF decides, as it does in viewers, and HEIF's and AVIF's own properties before it. An Orientation that stands in XMP
alone is left as it is, and the pixels with it: browsers and most viewers do not look there, a few do, and in each of
them the result lies as its source does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from deblurcli.images import exif, photoshop, tiff_tags, xmp
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


def turn_upright(photo: Photo, lies: int | None = None) -> Photo:
    """Apply the orientation that the metadata asks for to pixels and alpha, and set it to 1 wherever it stands.

    `lies` is what the container says, in EXIF's numbers; 1 if the decoder has turned the picture already. What no
    longer holds of the EXIF block and the XMP packet is cut out; where one is damaged it is left out, with a note.
    """
    metadata, notes, parts = photo.metadata, list(photo.notes), list(photo.parts)
    in_exif = None
    if metadata.exif:
        try:
            in_exif = exif.orientation_of(metadata.exif)
        except ValueError:
            in_exif = None  # said below
    orientation = lies or in_exif or 1
    turned = orientation >= 5

    if metadata.exif:
        try:
            block, damage = exif.upright(metadata.exif, turned=turned)
            metadata = replace(metadata, exif=block)
            notes += damage
        except ValueError:
            metadata = replace(metadata, exif=None)
            notes.append("its EXIF block is damaged and was left out")
    if metadata.xmp:
        try:
            packet, gone = xmp.edited(metadata.xmp, upright=lies is not None or in_exif is not None, turned=turned)
            metadata = replace(metadata, xmp=packet)
            parts += [part for part in gone if part not in parts]
        except ValueError:
            metadata = replace(metadata, xmp=None)
            notes.append("its XMP is damaged and was left out")
    if metadata.photoshop:
        resources, gone = photoshop.upright(metadata.photoshop, turned=orientation > 1)
        metadata = replace(metadata, photoshop=resources)
        parts += gone
    if metadata.tiff_tags and orientation > 1:
        own, gone = tiff_tags.without_georeference(metadata.tiff_tags)
        metadata = replace(metadata, tiff_tags=own)
        parts += gone
    if metadata.dpi and turned:
        metadata = replace(metadata, dpi=metadata.dpi[::-1])
    return replace(
        photo,
        pixels=_turned(photo.pixels, orientation),
        alpha=photo.alpha if photo.alpha is None else _turned(photo.alpha, orientation),
        metadata=metadata,
        notes=tuple(notes),
        parts=tuple(parts),
    )


def _turned(array: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return array if turn is None else np.ascontiguousarray(turn(array))
