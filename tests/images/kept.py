"""What each format keeps of a photograph: the table that the tests assert and that docs/formats.md shows.

`python tests/images/kept.py` writes the table into the page again.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from file_makers import exif_block, resource, tiff_file, xmp

from deblurcli.images import Photo, encode_photo, read_photo
from deblurcli.images.photo import Cicp, Metadata, Text

FORMATS = ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "BMP"]
PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
YES, NO = "yes", "told"

#: For each part what becomes of it in JPEG, PNG, TIFF, WebP, AVIF, HEIC and BMP. Anything but "yes" and "told" says
#: where it goes to.
KEPT = {
    "16 bits a channel": ["8 bits, told", YES, YES, "8 bits, told", "12 bits, told", "10 bits, told", "8 bits, told"],
    "transparency": ["on white, told", YES, YES, YES, YES, YES, "on white, told"],
    "lossless": ["no", YES, YES, "as the source", "as the source", "no", YES],
    "EXIF with GPS and maker notes": [YES, YES, YES, YES, YES, YES, NO],
    "EXIF over 64 KB": [NO, YES, YES, YES, YES, YES, NO],
    "ICC profile": [YES, YES, YES, YES, YES, YES, NO],
    "colours by number (Display P3)": ["as a profile", YES, "as a profile", "as a profile", YES, YES, NO],
    "HDR by number (PQ, HLG)": [NO, YES, NO, NO, YES, YES, NO],
    "PNG's gamma and primaries": [
        "as a profile",
        YES,
        "as a profile",
        "as a profile",
        "as a profile",
        "as a profile",
        NO,
    ],
    "XMP of any length": [YES, YES, YES, YES, YES, YES, NO],
    "IPTC captions": [YES, YES, YES, NO, NO, NO, NO],
    "Photoshop's copyright flag and URL": [YES, YES, YES, NO, NO, NO, NO],
    "print resolution": [YES, YES, YES, "in EXIF", "in EXIF", "in EXIF", YES],
    "comments": [YES, YES, NO, NO, NO, NO, NO],
    "author, description, copyright of PNG": ["in EXIF", YES, "in EXIF", "in EXIF", "in EXIF", "in EXIF", NO],
    "other texts of PNG": [NO, YES, NO, NO, NO, NO, NO],
    "tags that only TIFF has, GeoTIFF's too": [NO, NO, YES, NO, NO, NO, NO],
    "segments of a JPEG's maker (APP)": [YES, NO, NO, NO, NO, NO, NO],
}


def table():
    """The table in Markdown."""
    head = ["", *("HEIC" if format == "HEIF" else format.replace("WEBP", "WebP") for format in FORMATS)]
    lines = [head, ["---"] * len(head), *([part, *cells] for part, cells in KEPT.items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def measured(part, format, pixels, srgb):
    """The cell of a part and a format, by writing a photo that has the part and reading the result again."""
    photo = _SOURCES[part](Photo(pixels, None, format if part == "lossless" else "PNG"), srgb)
    data, notes = encode_photo(photo, format)
    result, told = read_photo(data), " ".join(notes)
    if part in _PIXELS:
        return _PIXELS[part](photo, result, told)
    name = next(name for name, value in vars(photo.metadata).items() if value != vars(Metadata())[name])
    before, after = getattr(photo.metadata, name), getattr(result.metadata, name)
    same = before == after
    if name in ("exif", "tiff_tags", "xmp", "texts") and after:
        same = _MARKS[part] in (after if isinstance(after, bytes) else repr(after).encode())
    elif name == "cicp":
        same = after is not None and (after.primaries, after.transfer) == (before.primaries, before.transfer)
    elif name == "dpi" and after:
        same = bool(np.allclose(before, after, rtol=1e-3))
    elif name == "png_chunks":
        same = set(before) <= set(after)
    if same:
        return YES if not notes else f"kept, but told: {told}"
    if result.metadata.icc and name in ("cicp", "png_chunks") and not notes:
        return "as a profile"
    if result.metadata.exif and name in ("dpi", "texts") and not notes:
        return "in EXIF"
    return NO if notes else "lost in silence"


def _with(**fields):
    return lambda photo, srgb: replace(photo, metadata=Metadata(**fields))


def _bits(photo, result, told):
    if result.pixels.dtype == np.uint16:
        return (
            YES if result.metadata.bits == 16 else f"{result.metadata.bits} bits, told" if told else "lost in silence"
        )
    return "8 bits, told" if told else "lost in silence"


def _alpha(photo, result, told):
    if result.alpha is not None:
        return YES
    return "on white, told" if result.pixels[0, 0].min() > 250 and told else "lost in silence"


def _lossless(photo, result, told):
    if np.array_equal(photo.pixels, result.pixels):
        return "as the source" if result.metadata.lossless else YES
    return "no, told" if told else "no"


def _alpha_source(photo, srgb):
    return replace(photo, alpha=np.where(np.arange(photo.pixels.shape[1]) < 28, 0, 255).astype(np.uint8) * _rows(photo))


def _rows(photo):
    return np.ones((photo.pixels.shape[0], 1), np.uint8)


def _sixteen(photo, srgb):
    return replace(photo, pixels=photo.pixels.astype(np.uint16) * 257 + 1, metadata=Metadata(bits=16))


_BLOCK = exif_block(
    [(0x010F, 2, "Maker of cameras")],
    exif=[(0x927C, 7, b"private notes")],
    gps=[(1, 2, "N"), (2, 5, [48, 1, 12, 1, 30, 1])],
)
_MARKS = {
    "EXIF with GPS and maker notes": b"private notes",
    "EXIF over 64 KB": b"c" * 70_000,
    "XMP of any length": b"x" * 90_000,
    "comments": b"by hand",
    "author, description, copyright of PNG": b"Jane Roe",
    "other texts of PNG": b"steps: 20",
    "tags that only TIFF has, GeoTIFF's too": b"WGS 84|",
}
_TAGS = [(34735, 3, [1, 1, 0, 1, 1024, 0, 1, 1]), (34737, 2, "WGS 84|")]
_SOURCES = {
    "16 bits a channel": _sixteen,
    "transparency": _alpha_source,
    "lossless": _with(lossless=True),
    "EXIF with GPS and maker notes": _with(exif=_BLOCK),
    "EXIF over 64 KB": _with(exif=exif_block([(0x8298, 2, "c" * 70_000)])),
    "ICC profile": lambda photo, srgb: replace(photo, metadata=Metadata(icc=srgb)),
    "colours by number (Display P3)": _with(cicp=Cicp(12, 13)),
    "HDR by number (PQ, HLG)": _with(cicp=Cicp(9, 16, 9)),
    "PNG's gamma and primaries": _with(png_chunks=((b"gAMA", (100_000).to_bytes(4, "big")),)),
    "XMP of any length": _with(xmp=xmp("", "<a:long xmlns:a='urn:a'>" + "x" * 90_000 + "</a:long>")),
    "IPTC captions": _with(iptc=b"\x1c\x02\x78\x00\x0bOn the pier"),
    "Photoshop's copyright flag and URL": _with(photoshop=resource(0x040A, b"\1") + resource(0x040B, b"https://a.org")),
    "print resolution": _with(dpi=(300.0, 240.0)),
    "comments": _with(texts=(Text("Comment", "by hand"),)),
    "author, description, copyright of PNG": _with(texts=(Text("Author", "Jane Roe"), Text("Description", "a pier"))),
    "other texts of PNG": _with(texts=(Text("parameters", "steps: 20"),)),
    "tags that only TIFF has, GeoTIFF's too": lambda photo, srgb: replace(
        photo, metadata=Metadata(tiff_tags=read_photo(tiff_file(photo.pixels, _TAGS)).metadata.tiff_tags)
    ),
    "segments of a JPEG's maker (APP)": _with(jpeg_segments=((0xE7, b"a recorder's own"),)),
}
_PIXELS = {"16 bits a channel": _bits, "transparency": _alpha, "lossless": _lossless}


def page_with_table(page):
    """The page with the table between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
