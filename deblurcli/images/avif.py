"""Reading AVIF through Pillow, with the colours that it does not know and the bits beyond 8 that it does not read."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np

from deblurcli.images.colour import rescaled, split_alpha
from deblurcli.images.exif import orientation_of, without_prefix
from deblurcli.images.heif_parts import cicp_of, other_pictures, parts_beside, readable
from deblurcli.images.isobmff import Container, container_of, item_content
from deblurcli.images.photo import Metadata
from deblurcli.images.pixels import Pixels

_IDENTITY = 0  # the matrix of RGB stored as it is, which only lossless files use


def plain(data: bytes) -> bytes:
    """The file as decoders take it: with its EXIF called otherwise, so that Pillow does not meet it, which refuses the
    picture where the block is damaged, and writes it anew where the picture is to be turned; and with no numbers of
    colours that nobody knows."""
    container = container_of(data)
    for item in container.items.values():
        if item.kind == b"Exif":
            data = data[: item.at] + b"free" + data[item.at + 4 :]
    return readable(data, container)[0]


def described(data: bytes, metadata: Metadata) -> tuple[Metadata, tuple[str, ...], tuple[str, ...], int]:
    """The metadata with what Pillow does not tell, notes, the names of the parts that have no place in it, and how the
    picture lies."""
    container = container_of(data)
    # Pillow puts how the picture lies into an EXIF block of its own.
    lies = (orientation_of(metadata.exif) if metadata.exif else None) or 1
    block = item_content(data, b"Exif")
    metadata = replace(metadata, exif=without_prefix(block[4 + int.from_bytes(block[:4], "big") :]) if block else None)
    bits = _bits(container)
    found = cicp_of(container)
    lossless = found is not None and found[0].matrix == _IDENTITY
    # A profile counts more than the numbers.
    cicp = found[0] if found and not metadata.icc else None
    others = other_pictures(container)
    _, notes = readable(data, container)
    if others:
        notes = (*notes, f"only the main one of its {others + 1} pictures was read")
    return replace(metadata, cicp=cicp, lossless=lossless, bits=bits), notes, parts_beside(container), lies


def all_bits(data: bytes, bits: int) -> tuple[Pixels, Pixels | None]:
    """The (pixels, alpha) of a file of 10 or 12 bits a sample, of which Pillow gives 8, in the full range of uint16."""
    samples = np.asarray(imagecodecs.avif_decode(data))
    return split_alpha(rescaled(samples, (1 << bits) - 1, 65535))


def bytes_per_pixel(data: bytes) -> int:
    """Of the decoded samples."""
    return 8 if _bits(container_of(data)) > 8 else 4


def _bits(container: Container) -> int:
    for one in container.of_primary(b"av1C"):
        if len(one.content) >= 3:
            return (12 if one.content[2] & 0x20 else 10) if one.content[2] & 0x40 else 8
    return 8
