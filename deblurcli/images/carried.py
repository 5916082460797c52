"""The metadata that goes into a file of some format: what one format says in its own way, another says in its.

Colours by number become a profile where there is only room for profiles; captions of PNG become EXIF's where there are
no texts. What then stands for what is remembered, so that nobody is told of a loss that is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from deblurcli.images import exif_write
from deblurcli.images.colour import profile_fits
from deblurcli.images.colour_space import Space, profile_of, space_of, space_of_png
from deblurcli.images.exif import resolution_of
from deblurcli.images.parts import Encoded
from deblurcli.images.photo import Metadata

_WITH_CICP = {"PNG", "AVIF", "HEIF"}
_WITH_DENSITY = {"PNG", "TIFF", "JPEG", "BMP"}
_SAME = 0.01  # two programs round the same resolution differently
_COLOUR_CHUNKS = (b"gAMA", b"cHRM")
_COLOUR_KEYS = tuple(f"png_chunks {kind.decode()}" for kind in _COLOUR_CHUNKS)


@dataclass(frozen=True)
class Carried:
    """Metadata made ready for a format.

    Attributes:
        metadata: what the writer is given.
        stand_ins: the key of a part, and the key of the one that says the same in its place.
        needless: the keys of parts that say nothing the others do not.
        reasons: why a part cannot be carried, by key.
    """

    metadata: Metadata
    stand_ins: dict[str, str] = field(default_factory=dict)
    needless: frozenset[str] = frozenset()
    reasons: dict[str, str] = field(default_factory=dict)

    def settled(self, encoded: Encoded) -> Encoded:
        """What the file holds, parts that others stand in for included."""
        held = encoded.held | self.needless
        held |= {key for key, stand_in in self.stand_ins.items() if stand_in in encoded.held}
        return replace(encoded, held=held, reasons={**self.reasons, **encoded.reasons})


def carried_by(metadata: Metadata, format: str, *, grey: bool) -> Carried:
    """The metadata as a format says it, of a picture with grey or with RGB samples."""
    carried = _colours(metadata, format, grey)
    if carried.metadata.icc and not profile_fits(carried.metadata.icc, grey=grey):
        reasons = {**carried.reasons, "icc": "does not fit the pixels and was left out"}
        carried = replace(carried, metadata=replace(carried.metadata, icc=None), reasons=reasons)
    return carried if format in ("PNG", "BMP") else _texts(carried, format)


def _colours(metadata: Metadata, format: str, grey: bool) -> Carried:
    cicp, kinds = metadata.cicp, {kind for kind, _ in metadata.png_chunks}
    if cicp is not None and not cicp.is_srgb:
        space = space_of(cicp)
        if format in _WITH_CICP:
            if cicp.is_hdr and format != "PNG":
                metadata = replace(metadata, icc=None)  # which would count more there, and is only for want of HDR
                return Carried(metadata, needless=frozenset({"icc", *_COLOUR_KEYS}))
            if format == "PNG" and metadata.icc is None and space:  # for the many readers that know no numbers
                metadata = replace(metadata, icc=profile_of(space, grey=grey))
            return Carried(metadata, needless=frozenset(_COLOUR_KEYS))
        if space:
            return _with_profile(metadata, space, grey, ("cicp", *_COLOUR_KEYS))
        reason = f"cannot be said in {format}: it looks wrong there; write AVIF, HEIC or PNG"
        return Carried(metadata, needless=frozenset(_COLOUR_KEYS), reasons={"cicp": reason})
    if format == "PNG" or not kinds.intersection(_COLOUR_CHUNKS):
        return Carried(metadata)
    chunks = dict(metadata.png_chunks)
    space = space_of_png(chunks.get(b"gAMA"), chunks.get(b"cHRM"))
    if cicp or metadata.icc or b"sRGB" in kinds or space is None or space.is_srgb:
        return Carried(metadata, needless=frozenset(_COLOUR_KEYS))
    return _with_profile(metadata, space, grey, _COLOUR_KEYS)


def _with_profile(metadata: Metadata, space: Space, grey: bool, keys: tuple[str, ...]) -> Carried:
    metadata = replace(metadata, icc=profile_of(space, grey=grey))
    return Carried(metadata, stand_ins=dict.fromkeys(keys, "icc"))


def _texts(carried: Carried, format: str) -> Carried:
    """Texts and the resolution in EXIF, for formats that have no other place for them."""
    metadata, stand_ins = carried.metadata, dict(carried.stand_ins)
    wanted: dict[int, str] = {}
    for text in metadata.texts:
        tag = exif_write.TAGS_OF_TEXTS.get(text.keyword)
        if tag is not None:
            wanted[tag] = f"{wanted[tag]}\n{text.text}" if tag in wanted else text.text
    dpi = metadata.dpi if format not in _WITH_DENSITY else None
    if not wanted and not dpi:
        return carried
    block, held = exif_write.with_tags(metadata.exif, wanted, dpi)
    stand_ins |= {f"texts {keyword}": "exif" for keyword, tag in exif_write.TAGS_OF_TEXTS.items() if tag in held}
    there = resolution_of(block)
    if dpi and there and all(abs(one / other - 1) < _SAME for one, other in zip(dpi, there, strict=True)):
        stand_ins["dpi"] = "exif"
    return replace(carried, metadata=replace(metadata, exif=block), stand_ins=stand_ins)
