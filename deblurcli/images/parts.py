"""What is in a photograph's file beside its pixels, compared with what the result holds; the notes on the difference.

This is the one place that tells of losses. A reader puts all it finds into the photo's metadata, or names it in its
`parts`; a writer says which of it the file holds. What is in neither is told, so that a new format can forget nothing
without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deblurcli.display import listed
from deblurcli.images.photo import Metadata, Photo

#: How a file was coded, which is no part of it.
CODING = frozenset({"jpeg", "tiff_compression", "lossless", "bits"})


#: What programs fill up with.
PADDING = b"\0 \t\r\n\xff"


@dataclass(frozen=True)
class Encoded:
    """A file, and what it holds.

    Attributes:
        data: the file.
        held: the keys of `parts_of` that are in it.
        reasons: why a part is not, by key: "is too long for JPEG".
        notes: what else the user should know.
    """

    data: bytes
    held: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def parts_of(metadata: Metadata) -> dict[str, str]:
    """The parts that metadata carries: their names for the user, by a key for each.

    The key is the field of `Metadata`, with the keyword of a text, the marker of a segment or the type of a chunk
    behind it where a field holds several. Raises KeyError for a field that `_WORDS` does not know.
    """
    found: dict[str, str] = {}
    for name, value in vars(metadata).items():
        if name not in CODING and value:
            found |= _WORDS[name](value)
    return found


def keys_of(metadata: Metadata, *fields: str) -> frozenset[str]:
    """The keys of the parts that these fields of the metadata carry: what a writer holds who has written them."""
    return frozenset(key for key in parts_of(metadata) if key.split(" ")[0] in fields)


def losses(photo: Photo, format: str, encoded: Encoded) -> tuple[str, ...]:
    """The notes on what the result does not hold: of the metadata, and of the parts that have no place in it."""
    missing = {key: words for key, words in parts_of(photo.metadata).items() if key not in encoded.held}
    notes = [f"its {listed([missing.pop(key)])} {reason}" for key, reason in encoded.reasons.items() if key in missing]
    if missing:
        notes.append(f"{format} has no place for its {listed(missing.values())}: left out")
    names = list(dict.fromkeys(photo.parts))
    if names:
        notes.append(f"not in the result: {listed(names)}")
    return tuple(notes)


def unknown_bytes(behind: bytes) -> str:
    """What to call that which follows the end of a picture; nothing for mere padding."""
    count = len(behind.strip(PADDING))
    return f"{count:,} bytes of unknown data after the picture" if count else ""


def _one(key: str, words: str) -> Callable[[Any], dict[str, str]]:
    return lambda value: {key: words}


def _cicp(value: Any) -> dict[str, str]:
    from deblurcli.images.colour_space import in_words

    return {} if value.is_srgb else {"cicp": f"colour space ({in_words(value)})"}


def _chunk_words(kind: bytes) -> str:
    if kind in (b"gAMA", b"cHRM"):
        return "colour space (gamma or primaries)"
    if kind in (b"mDCV", b"cLLI"):
        return "HDR light levels"
    return f"PNG data ({kind.decode('latin-1')})"


def _tag_words(value: bytes) -> dict[str, str]:
    from deblurcli.images.tiff_tags import names_of

    return {"tiff_tags": f"TIFF tags ({listed(names_of(value))})"}


_WORDS: dict[str, Callable[[Any], dict[str, str]]] = {
    "exif": _one("exif", "EXIF"),
    "icc": _one("icc", "colour profile"),
    "cicp": _cicp,
    "xmp": _one("xmp", "XMP"),
    "iptc": _one("iptc", "IPTC captions"),
    "photoshop": _one("photoshop", "Photoshop data (copyright, URL, paths)"),
    "dpi": _one("dpi", "print resolution"),
    "texts": lambda value: {f"texts {one.keyword}": f'text "{one.keyword}"' for one in value},
    "tiff_tags": _tag_words,
    "jpeg_segments": lambda value: {f"jpeg_segments {m:02x}": f"JPEG data (APP{m - 0xE0})" for m, _ in value},
    "png_chunks": lambda value: {
        f"png_chunks {k.decode('latin-1')}": _chunk_words(k) for k, _ in value if k != b"sRGB"
    },
}
