"""Reading TIFF with tifffile.

Pillow halves 16-bit colour, and its libtiff prints complaints about damaged files to the terminal; it only converts
colours here.
"""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import replace

import tifffile

from deblurcli.errors import InputError
from deblurcli.images import tiff_strips
from deblurcli.images.damage import Damaged
from deblurcli.images.limits import check_size
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.photoshop import iptc_and_rest
from deblurcli.images.tiff_chain import without_loops
from deblurcli.images.tiff_colours import channels_of_page
from deblurcli.images.tiff_inner import refuse_oversized
from deblurcli.images.tiff_jpeg import refuse_incomplete_strips
from deblurcli.images.tiff_missing import with_usual_tags
from deblurcli.images.tiff_tags import ICC, IPTC, PHOTOSHOP, XMP, blocks_of

# tifffile logs what it finds odd in a file; without a handler Python would print that to the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_COMPRESSIONS = {1: None, 5: "lzw", 8: "deflate", 32773: "packbits", 32946: "deflate", 50000: "zstd"}
_DNG_VERSION = 50706
_INCHES_PER_UNIT = {2: 1.0, 3: 1 / 2.54}


def decode_tiff(data: bytes) -> Photo:
    """Decode a TIFF file. Raises InputError (without a file name) for what is not one picture, others for damage."""
    notes: list[str] = []
    data = with_usual_tags(without_loops(data))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page, beside = _only_page(file)
        _count_samples(page)
        check_size(page.imagewidth, page.imagelength, _bytes_per_pixel(page))
        metadata, parts = _metadata(page, data, notes)
        tiff_strips.repair(page, data)
        refuse_oversized(page, data)
        notes += refuse_incomplete_strips(page, data)
        channels = channels_of_page(page, metadata.icc)
    metadata = replace(metadata, icc=channels.icc)
    return Photo(channels.pixels, channels.alpha, "TIFF", metadata, (*channels.notes, *notes), (*beside, *parts))


def _only_page(file: tifffile.TiffFile) -> tuple[tifffile.TiffPage, tuple[str, ...]]:
    """The single picture in the file, and the names of the previews (reduced copies) and masks beside it."""
    pages = [page for page in file.pages if isinstance(page, tifffile.TiffPage)]
    pictures = [page for page in pages if len(pages) == 1 or not (page.is_reduced or page.is_mask)]
    if any(_DNG_VERSION in page.tags or page.photometric == tifffile.PHOTOMETRIC.CFA for page in pages):
        raise InputError("a camera raw file; develop it to TIFF or JPEG first")
    if not pictures:
        raise Damaged("its table of contents is missing")
    if len(pictures) > 1:
        raise InputError(f"a file of {len(pictures)} pages; restore it by itself, or its folder with --videos")
    names = {"mask or infrared page" if page.is_mask else "reduced copies" for page in pages if page is not pictures[0]}
    return pictures[0], tuple(sorted(names))


def _count_samples(page: tifffile.TiffPage) -> None:
    """Set right a page of RGB that forgets to say that it has three samples, as the number of its bits does."""
    bits = page.tags.get(258)
    if (
        page.photometric == tifffile.PHOTOMETRIC.RGB
        and page.samplesperpixel == 1
        and bits is not None
        and bits.count == 3
    ):
        page.samplesperpixel, page.axes = 3, "YXS"
        page.shape = (page.imagelength, page.imagewidth, 3)
        page.shaped = (1, 1, *page.shape)


def _bytes_per_pixel(page: tifffile.TiffPage) -> int:
    """Of the decoded samples; a forged header may announce thousands of samples, or layers."""
    return int(page.samplesperpixel * page.imagedepth * (page.dtype.itemsize if page.dtype else 1))


def _metadata(page: tifffile.TiffPage, data: bytes, notes: list[str]) -> tuple[Metadata, tuple[str, ...]]:
    tags = page.tags
    unit = tags.valueof(296, 2)
    inches = _INCHES_PER_UNIT.get(unit) if isinstance(unit, int) else None
    across, down = (_ratio(tags.valueof(code)) for code in (282, 283))
    exif, own, parts = blocks_of(data, page.offset, notes)
    iptc, photoshop = iptc_and_rest(_raw(tags.valueof(PHOTOSHOP)) or b"")
    metadata = Metadata(
        exif=exif,
        icc=_raw(tags.valueof(ICC)),
        xmp=_raw(tags.valueof(XMP)),
        iptc=_raw(tags.valueof(IPTC)) or iptc,
        photoshop=photoshop,
        dpi=(across / inches, down / inches) if across and down and inches else None,
        tiff_tags=own,
        tiff_compression=_COMPRESSIONS.get(int(page.compression), "deflate"),
        bits=page.bitspersample if isinstance(page.bitspersample, int) else 8,
    )
    return metadata, parts


def _ratio(value: object) -> float | None:
    match value:
        case (int(above), int(below)) if above > 0 and below > 0:
            return above / below
    return None


def _raw(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):  # IPTC is often stored as 32-bit numbers
        try:
            return struct.pack(f"<{len(value)}I", *value)
        except struct.error:
            return None
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None
