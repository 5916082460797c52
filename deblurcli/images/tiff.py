"""TIFF, read and written with tifffile.

Pillow halves 16-bit colour, and its libtiff prints complaints about damaged files to the terminal; it only converts
colours here.
"""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import replace

import numpy as np
import tifffile
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images.colour import Channels, channels_of, split_alpha, to_8_bits, unbounded_samples
from deblurcli.images.damage import Damaged
from deblurcli.images.directory import block_of, byte_order, entries_at, first_directory, listing, moved
from deblurcli.images.limits import check_size
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.pixels import Pixels
from deblurcli.images.tiff_chain import without_loops

# tifffile logs what it finds odd in a file; without a handler Python would print that to the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_COMPRESSIONS = {1: None, 5: "lzw", 8: "deflate", 32773: "packbits", 32946: "deflate", 50000: "zstd"}
_DNG_VERSION, _ICC, _XMP, _IPTC = 50706, 34675, 700, 33723
_KINDS = {"f": "floating-point", "i": "signed", "c": "complex"}
_INCHES_PER_UNIT = {2: 1.0, 3: 1 / 2.54}
# fmt: off
# The tags of the main directory that describe the photograph; all others describe how the file is laid out.
# Description, maker, model, orientation, software, date, artist, host, rating, copyright, Windows title to subject.
# The last two are the directories of EXIF and GPS.
_DESCRIPTIVE = frozenset({
    270, 271, 272, 274, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095, 0x8769, 0x8825,
})
# fmt: on


def decode_tiff(data: bytes) -> Photo:
    """Decode a TIFF file. Raises InputError (without a file name) for what is not one picture, others for damage."""
    with tifffile.TiffFile(io.BytesIO(without_loops(data))) as file:
        page = _only_page(file)
        check_size(page.imagewidth, page.imagelength, _bytes_per_pixel(page))
        _refuse_cut_short(page, len(data))
        metadata = _metadata(page, data)
        channels = _channels(page, metadata.icc)
    return Photo(channels.pixels, channels.alpha, "TIFF", replace(metadata, icc=channels.icc), channels.notes)


def encode_tiff(samples: Pixels, metadata: Metadata) -> bytes:
    """Encode (H, W) or (H, W, 2..4) uint8 or uint16 samples, alpha last, as a TIFF file."""
    file = io.BytesIO()
    has_alpha = samples.ndim == 3 and samples.shape[2] in (2, 4)
    extra = [(code, kind, len(value), value, True) for code, kind, value in _blocks(metadata)]
    tifffile.imwrite(
        file,
        samples,
        byteorder=byte_order(metadata.exif) if metadata.exif else "<",
        bigtiff=samples.nbytes > 4_000_000_000,
        photometric="rgb" if samples.ndim == 3 and samples.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if samples.ndim == 3 else None,
        extrasamples=["unassalpha"] if has_alpha else None,
        compression=metadata.tiff_compression,
        predictor=metadata.tiff_compression in ("lzw", "deflate", "zstd"),
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        iccprofile=metadata.icc,
        extratags=extra,
        metadata=None,
        software=False,
    )
    return _with_exif(file.getvalue(), metadata.exif) if metadata.exif else file.getvalue()


def _blocks(metadata: Metadata) -> list[tuple[int, str, bytes]]:
    blocks = [(_XMP, "B", metadata.xmp), (_IPTC, "B", metadata.iptc)]
    return [(code, kind, value) for code, kind, value in blocks if value]


def _only_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    """The single picture in the file. Previews (reduced copies) and masks beside it are not counted."""
    pages = [page for page in file.pages if isinstance(page, tifffile.TiffPage)]
    pictures = [page for page in pages if not page.is_reduced and not page.is_mask]
    if any(_DNG_VERSION in page.tags or page.photometric == tifffile.PHOTOMETRIC.CFA for page in pages):
        raise InputError("a camera raw file; develop it to TIFF or JPEG first")
    if not pictures:
        raise Damaged("its table of contents is missing")
    if len(pictures) > 1:
        raise InputError(f"a file of {len(pictures)} pages; save each page as a file of its own first")
    return pictures[0]


def _bytes_per_pixel(page: tifffile.TiffPage) -> int:
    """Of the decoded samples; a forged header may announce thousands of samples, or layers."""
    return int(page.samplesperpixel * page.imagedepth * (page.dtype.itemsize if page.dtype else 1))


def _refuse_cut_short(page: tifffile.TiffPage, length: int) -> None:
    # tifffile fills a strip that is not there with zeros, which would pass for a black part of the picture.
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count == 0 or offset + count > length:
            raise Damaged("it ends in the middle")


def _channels(page: tifffile.TiffPage, icc: bytes | None) -> Channels:
    samples = _samples(page)
    match page.photometric:
        case tifffile.PHOTOMETRIC.MINISBLACK | tifffile.PHOTOMETRIC.MINISWHITE | tifffile.PHOTOMETRIC.RGB:
            return _grey_or_rgb(page, samples, icc)
        case tifffile.PHOTOMETRIC.PALETTE if page.colormap is not None:
            colours = (page.colormap.T >> 8).astype(np.uint8)  # some writers leave the low bytes 0
            return Channels(colours[samples[..., 0]], None, icc, ("converted from a palette to RGB",))
        case tifffile.PHOTOMETRIC.YCBCR if page.compression == tifffile.COMPRESSION.JPEG:
            return Channels(*split_alpha(samples[..., :3]), icc)  # the JPEG decoder has made it RGB
        case tifffile.PHOTOMETRIC.SEPARATED if samples.shape[2] >= 4:
            return channels_of(_pillow_image("CMYK", to_8_bits(samples[..., :4])), icc)
        case tifffile.PHOTOMETRIC.CIELAB if samples.dtype == np.uint8 and samples.shape[2] >= 3:
            return channels_of(_pillow_image("LAB", samples[..., :3]), icc)
    raise InputError("a TIFF with an unusual kind of colours; export it as RGB first")


def _samples(page: tifffile.TiffPage) -> Pixels:
    """The samples as stored, (H, W, samples), in the full range of uint8 or uint16."""
    if page.dtype is None or page.dtype.kind not in "ub":
        kind = _KINDS.get(page.dtype.kind, "unusual") if page.dtype else "unusual"
        raise InputError(unbounded_samples(f"{page.bitspersample}-bit {kind}"))
    bits = page.bitspersample
    if bits > 16:
        raise InputError(unbounded_samples(f"{bits}-bit"))
    samples = page.asarray()
    if page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    if bits in (8, 16) or page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        return samples
    most, full = (1 << bits) - 1, 255 if bits < 8 else 65535
    scaled = (samples.astype(np.uint32) * full + most // 2) // most
    return scaled.astype(np.uint8 if bits < 8 else np.uint16)


def _pillow_image(mode: str, samples: Pixels) -> Image.Image:
    height, width = samples.shape[:2]
    return Image.frombytes(mode, (width, height), samples.tobytes(), "raw", mode)


def _grey_or_rgb(page: tifffile.TiffPage, samples: Pixels, icc: bytes | None) -> Channels:
    colours = 3 if page.photometric == tifffile.PHOTOMETRIC.RGB else 1
    kinds = tuple(page.extrasamples) or (tifffile.EXTRASAMPLE.UNSPECIFIED,) * (page.samplesperpixel - colours)
    alpha_kinds = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
    has_alpha = bool(kinds) and kinds[0] in alpha_kinds
    notes = ["its extra channels were left out"] if len(kinds) > has_alpha else []
    if page.bitspersample < 8:
        notes.append(f"converted from {page.bitspersample}-bit to 8-bit")
    pixels, alpha = split_alpha(samples[..., : colours + has_alpha])
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if alpha is not None and kinds[0] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        pixels = _unmultiplied(pixels, alpha)
    return Channels(pixels, alpha, icc, tuple(notes))


def _unmultiplied(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Undo the multiplication of the colours by the opacity."""
    most = int(np.iinfo(pixels.dtype).max)
    opacity = np.maximum(alpha if pixels.ndim == 2 else alpha[..., None], 1).astype(np.float32) / most
    return np.minimum(np.rint(pixels / opacity), most).astype(pixels.dtype)


def _metadata(page: tifffile.TiffPage, data: bytes) -> Metadata:
    tags = page.tags
    unit = _INCHES_PER_UNIT.get(int(tags.valueof(296, 2)))
    across, down = (_ratio(tags.valueof(code)) for code in (282, 283))
    return Metadata(
        exif=_exif_of(data),
        icc=_raw(tags.valueof(_ICC)),
        xmp=_raw(tags.valueof(_XMP)),
        iptc=_raw(tags.valueof(_IPTC)),
        dpi=(across / unit, down / unit) if across and down and unit else None,
        tiff_compression=_COMPRESSIONS.get(int(page.compression), "deflate"),
    )


def _ratio(value: tuple[int, int] | None) -> float | None:
    return value[0] / value[1] if value and value[1] else None


def _raw(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):  # IPTC is often stored as 32-bit numbers
        return struct.pack(f"<{len(value)}I", *value)
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None


def _exif_of(data: bytes) -> bytes | None:
    """The descriptive tags of a TIFF file as an EXIF block of their own; None for BigTIFF, which is laid out unlike."""
    if data[2:4] not in (b"*\0", b"\0*"):
        return None
    return block_of(data, first_directory(data), _DESCRIPTIVE)


def _with_exif(file: bytes, exif: bytes) -> bytes:
    """A TIFF file of the same byte order as the EXIF block, with the block's tags added.

    tifffile writes no EXIF directories. Their values go to the end of the file, and a new main directory after them
    lists the old entries and the new ones.
    """
    if file[2:4] not in (b"*\0", b"\0*"):
        return file  # beyond 4 GB the layout differs, and EXIF is not worth a second writer
    order = byte_order(file)
    file += b"\0" * (len(file) % 2)
    values, added = moved(exif, first_directory(exif), len(file), _DESCRIPTIVE.__contains__)
    entries = {**entries_at(file, first_directory(file)), **added}
    return file[:4] + struct.pack(order + "I", len(file) + len(values)) + file[8:] + values + listing(entries, order)
