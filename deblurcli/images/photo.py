"""A photograph in memory: its pixels, and everything about the file that has to survive the processing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deblurcli.images.pixels import Pixels


@dataclass(frozen=True)
class JpegCoding:
    """How a JPEG was compressed, so that the result can be compressed as gently.

    `tables` are the quantisation tables in natural order, 64 values each; `subsampling` is Pillow's number
    (0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0), or -1 when it is none of these.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int
    progressive: bool


@dataclass(frozen=True)
class Metadata:
    """What a file says about its picture, in the raw form in which formats exchange it.

    `exif` is the TIFF-structured block without any "Exif\\0\\0" prefix, its Orientation 1 and its thumbnail gone.
    `icc` is an ICC profile that describes the pixels as they are now. `xmp` is the XMP packet, `iptc` the IPTC-IIM
    record. `dpi` is (horizontal, vertical). The rest belongs to a single format and is used when the result has the
    same format: `comment` and `jpeg` (JPEG), `png_chunks` as (type, content) pairs (PNG), `tiff_compression`, and
    `lossless` (WebP).
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    jpeg: JpegCoding | None = None
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    tiff_compression: str | None = None
    lossless: bool = False


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph as read from a file, upright.

    `pixels` is (H, W) for grey or (H, W, 3) for red, green, blue; uint8 with values 0..255 or uint16 with values
    0..65535, as encoded in the file (not linear light). `alpha` is None or (H, W) of the same type, the opacity, not
    multiplied into the pixels. `format` is Pillow's name of the source's format, with GIF given as "PNG". `notes` are
    lines the user should be told, such as "converted from CMYK to RGB".

    A processed photograph keeps the rest: `dataclasses.replace(photo, pixels=sharper)`.
    """

    pixels: Pixels
    alpha: Pixels | None
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
