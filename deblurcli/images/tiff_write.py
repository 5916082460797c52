"""Writing TIFF with tifffile, and with the tags and directories that tifffile does not write."""

from __future__ import annotations

import io
import struct

import tifffile

from deblurcli.display import listed
from deblurcli.images.directory import (
    EXIF,
    GPS,
    Entry,
    Layout,
    byte_order,
    entries_at,
    first_directory,
    layout_of,
    lost_at,
    numbers,
    written,
)
from deblurcli.images.parts import Encoded, keys_of
from deblurcli.images.photo import Metadata
from deblurcli.images.photoshop import with_iptc
from deblurcli.images.pixels import Pixels
from deblurcli.images.tiff_tags import IPTC, LAYOUT, PHOTOSHOP, XMP, descriptive, name_of

_OFFSETS = (273, 324)  # of strips and tiles
_LARGEST_CLASSIC = 4_000_000_000
_LARGEST_NUMBER = 2**32 - 1


def encode_tiff(samples: Pixels, metadata: Metadata) -> Encoded:
    """Encode (H, W) or (H, W, 2..4) uint8 or uint16 samples, alpha last, as a TIFF file."""
    file = io.BytesIO()
    has_alpha = samples.ndim == 3 and samples.shape[2] in (2, 4)
    big = samples.nbytes > _LARGEST_CLASSIC
    block = metadata.exif or metadata.tiff_tags
    dpi = metadata.dpi if metadata.dpi and max(metadata.dpi) <= _LARGEST_NUMBER else None
    tifffile.imwrite(
        file,
        samples,
        byteorder=byte_order(block) if block else "<",
        bigtiff=big,
        photometric="rgb" if samples.ndim == 3 and samples.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if samples.ndim == 3 else None,
        extrasamples=["unassalpha"] if has_alpha else None,
        compression=metadata.tiff_compression,
        predictor=metadata.tiff_compression in ("lzw", "deflate", "zstd"),
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        iccprofile=metadata.icc,
        extratags=[(code, kind, len(value), value, True) for code, kind, value in _blocks(metadata)],
        metadata=None,
        software=False,
    )
    held = keys_of(metadata, "icc", "xmp", "iptc", "photoshop") | (keys_of(metadata, "dpi") if dpi else frozenset())
    if not block:
        return Encoded(file.getvalue(), held)
    if big:
        reason = "has no place in a file of over 4 GB and was left out"
        return Encoded(file.getvalue(), held, dict.fromkeys(("exif", "tiff_tags"), reason))
    exif, own = metadata.exif, metadata.tiff_tags
    held |= keys_of(metadata, "exif")
    if own and (exif is None or byte_order(own) == byte_order(exif)):
        held |= keys_of(metadata, "tiff_tags")
    else:
        own = None
    lost = [name_of(tag) for tag in lost_at(exif, first_directory(exif)) if tag not in LAYOUT] if exif else []
    notes = (f"in its EXIF {listed(lost)} cannot be read, and TIFF has no place for that: left out",) if lost else ()
    return Encoded(_with_tags(file.getvalue(), exif, own, resolution=dpi is None), held, notes=notes)


def _blocks(metadata: Metadata) -> list[tuple[int, str, bytes]]:
    # Photoshop keeps the captions in its resources too, but readers take them from their own tag.
    blocks = [
        (XMP, "B", metadata.xmp),
        (IPTC, "B", metadata.iptc),
        (PHOTOSHOP, "B", with_iptc(None, metadata.photoshop)),
    ]
    return [(code, kind, value) for code, kind, value in blocks if value]


def _with_tags(file: bytes, exif: bytes | None, own: bytes | None, *, resolution: bool) -> bytes:
    """A TIFF file with the tags of an EXIF block and of TIFF's own, all three of the same byte order.

    The EXIF block comes first, where its header is the file's, so that all in it stays at the offsets it had: makers'
    private notes hold offsets that count from there. Then the pixels follow, and a new main directory.
    """
    layout: Layout = layout_of(file)
    entries = entries_at(file, first_directory(file))
    head = exif or file[:8]
    head += b"\0" * (len(head) % 2)
    moved_by = len(head) - 8
    for tag in _OFFSETS:
        if tag in entries:
            places = [place + moved_by for place in numbers(entries[tag], layout.order)]
            entries[tag] = Entry(4, len(places), struct.pack(f"{layout.order}{len(places)}I", *places))
    for block in (own, exif):
        if block:
            added = descriptive(block, resolution=resolution and block is exif)
            if block is not exif:
                added = {tag: entry for tag, entry in added.items() if tag not in (EXIF, GPS)}
            entries |= added
    end = len(head) + len(file) - 8
    listing, at = written(entries, layout, end + end % 2)
    return b"".join((file[:4], struct.pack(layout.offset, at), head[8:], file[8:], b"\0" * (end % 2), listing))
