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
class Cicp:
    """How the samples stand for colours, in the code points of ITU-T H.273 that AVIF, HEIF and PNG carry.

    `primaries` is 1 for sRGB's, 9 for BT.2020, 12 for Display P3; `transfer` is 13 for sRGB's curve, 16 for PQ and 18
    for HLG. `matrix` is what the file's own luma and chroma were made with; the pixels of a `Photo` are RGB.
    """

    primaries: int
    transfer: int
    matrix: int = 6

    @property
    def is_srgb(self) -> bool:
        """sRGB, or what viewers show as such: unspecified, or BT.709 as cameras and encoders write it."""
        return self.primaries in (1, 2) and self.transfer in (1, 2, 6, 13)

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (16, 18)


@dataclass(frozen=True)
class Text:
    """A text with a keyword, such as "Author" or "Comment".

    `raw` is how the file stored it, as the type of chunk and its content, for a result of the same format.
    """

    keyword: str
    text: str
    raw: tuple[bytes, bytes] | None = None


@dataclass(frozen=True)
class Metadata:
    """What a file says about its picture, in the raw form in which formats exchange it.

    `exif` is the TIFF-structured block without any "Exif\\0\\0" prefix, its Orientation 1 and its thumbnail gone.
    `icc` is an ICC profile that describes the pixels as they are now, `cicp` the same by numbers, which count where
    both are there. `xmp` is the XMP packet, `iptc` the IPTC-IIM record, `photoshop` the other image resources of
    Photoshop. `dpi` is (horizontal, vertical). `texts` are PNG's texts and the comments of JPEG and GIF, a comment with
    the keyword "Comment". `tiff_tags` is a block like EXIF's of tags that only TIFF has, GeoTIFF's among them.

    The rest belongs to a single format and is used when the result has the same format: `jpeg` and `jpeg_segments` as
    (marker, content) pairs, `png_chunks` as (type, content) pairs, `tiff_compression`, `lossless` (WebP and AVIF), and
    `bits` of a sample (HEIF and AVIF).
    """

    exif: bytes | None = None
    icc: bytes | None = None
    cicp: Cicp | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    photoshop: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: tuple[Text, ...] = ()
    tiff_tags: bytes | None = None
    jpeg: JpegCoding | None = None
    jpeg_segments: tuple[tuple[int, bytes], ...] = ()
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    tiff_compression: str | None = None
    lossless: bool = False
    bits: int = 8


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph as read from a file, upright.

    `pixels` is (H, W) for grey or (H, W, 3) for red, green, blue; uint8 with values 0..255 or uint16 with values
    0..65535, as encoded in the file (not linear light). `alpha` is None or (H, W) of the same type, the opacity, not
    multiplied into the pixels. `format` is Pillow's name of the source's format, with GIF given as "PNG". `notes` are
    lines the user should be told, such as "converted from CMYK to RGB". `parts` are the names of what else was in the
    file and has no place here, such as "video": whoever writes the photo tells that they are gone.

    A processed photograph keeps the rest: `dataclasses.replace(photo, pixels=sharper)`.
    """

    pixels: Pixels
    alpha: Pixels | None
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
