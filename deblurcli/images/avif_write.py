"""Writing AVIF: 8 bits through Pillow, more of them and lossless through imagecodecs, which knows no metadata.

So Pillow writes a small file with all that stands beside the picture, and the picture is put into that.
"""

from __future__ import annotations

import io
import os
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from deblurcli.images.colour import rescaled
from deblurcli.images.exif import ORIENTATION, without
from deblurcli.images.heif_parts import cicp_of, with_colours
from deblurcli.images.isobmff import container_of
from deblurcli.images.isobmff_write import with_pictures_of
from deblurcli.images.parts import Encoded, keys_of
from deblurcli.images.photo import Metadata
from deblurcli.images.pixels import Pixels

#: The most bits of a sample.
MOST_BITS = 12
_GOOD_QUALITY = 90
_LOSSLESS = 100
_SPEED = 6  # Pillow's
_SMALL = 16  # pixels of each side


def encode_avif(samples: Pixels, metadata: Metadata, quality: int | None) -> Encoded:
    """Encode (H, W) or (H, W, 2..4) samples, alpha last: uint8, or uint16 with as many bits as the source had, 12 at
    most. Lossless if the source was and no quality is asked for."""
    if samples.ndim == 3 and samples.shape[2] == 2:  # as Pillow would
        samples = np.dstack([samples[..., :1]] * 3 + [samples[..., 1:]])
    lossless = metadata.lossless and quality is None
    good = _GOOD_QUALITY if quality is None else quality
    notes: tuple[str, ...] = ()
    if samples.dtype == np.uint8 and not lossless:
        data = _by_pillow(samples, metadata, good)
    else:
        small = np.zeros((_SMALL, _SMALL, *samples.shape[2:]), np.uint8)
        coded = _by_imagecodecs(samples, metadata, _LOSSLESS if lossless else good)
        data = with_pictures_of(_by_pillow(small, metadata, good), coded)
        if samples.ndim == 2 and quality is not None:
            notes = ("grey AVIF of more than 8 bits is written without losses, whatever the --quality",)
    held = keys_of(metadata, "exif", "icc", "xmp")
    place = cicp_of(container_of(data))
    if metadata.cicp and place:
        data = with_colours(data, place[1], metadata.cicp)
        held |= keys_of(metadata, "cicp")
    return Encoded(data, held, notes=notes)


def bits_written(bits: int) -> int:
    """The bits of a sample in the file, for a source that has more than 8."""
    return 10 if bits <= 10 else MOST_BITS


def _by_pillow(samples: Pixels, metadata: Metadata, quality: int) -> bytes:
    # Pillow takes the tag out itself, by writing the block anew and spoiling all text that is not ASCII.
    exif = metadata.exif and without(metadata.exif, ORIENTATION)
    options: dict[str, Any] = {"exif": exif, "icc_profile": metadata.icc, "xmp": metadata.xmp}
    options = {key: value for key, value in options.items() if value}
    options |= {"quality": quality, "subsampling": "4:0:0" if samples.ndim == 2 else "4:4:4", "speed": _SPEED}
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "AVIF", **options)
    return file.getvalue()


def _by_imagecodecs(samples: Pixels, metadata: Metadata, level: int) -> bytes:
    bits = 8
    if samples.dtype == np.uint16:
        bits = bits_written(metadata.bits if metadata.bits > 8 else 16)
        samples = rescaled(samples, 65535, (1 << bits) - 1)
    # The numbers of colours are Pillow's; lossless, the library stores RGB as it is, which its matrix says.
    return bytes(
        imagecodecs.avif_encode(
            np.ascontiguousarray(samples),
            level,
            speed=_SPEED,
            bitspersample=bits,
            pixelformat="yuv400" if samples.ndim == 2 else "yuv444",
            numthreads=_cores(),
        )
    )


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))  # type: ignore[attr-defined, unused-ignore]
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1
