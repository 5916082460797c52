"""What a HEIF or AVIF file holds beside its main picture, and how it says what the samples stand for."""

from __future__ import annotations

import struct

from deblurcli.errors import InputError
from deblurcli.images.isobmff import Container
from deblurcli.images.parts import unknown_bytes
from deblurcli.images.photo import Cicp

_OF_A_FILE = {b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide", b"pdin", b"etyp"}
_BOXES = {
    b"moov": "sequence of pictures",
    b"mpvd": "video",
    b"sefd": "Samsung's data about the shot",
    b"jumb": "content credentials",
    b"uuid": "data of a private kind (content credentials or a maker's own)",
}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:avc:2015:auxid:1")
_DEPTH = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth", b"urn:mpeg:hevc:2015:auxid:2")
_LIGHT = (b"clli", b"mdcv", b"cclv", b"amve", b"ndwt")
_NO_PICTURES = {b"Exif", b"mime", b"uri ", b"tmap", b"altr"}
_XMP = b"application/rdf+xml"
# The primaries, curves and matrices of ITU-T H.273.
_KNOWN = ({1, 2, *range(4, 13), 22}, {1, 2, *range(4, 19)}, {0, 1, 2, *range(4, 18)})
_UNSPECIFIED = 2
_RARE_MATRICES = {10, 11, *range(13, 18)}  # which not all decoders know


def parts_beside(container: Container) -> tuple[str, ...]:
    """The names of the parts that a photo has no place for, each once. Thumbnails are none: they show the blur."""
    names: dict[str, None] = {}
    for place, kind in enumerate(container.boxes):
        if kind == b"ftyp" and place:
            names["video"] = None  # a whole file appended, as some phones do
            break
        if kind not in _OF_A_FILE:
            names[_BOXES.get(kind, f"HEIF data ({kind.decode('latin-1')})")] = None
    auxiliary = {source for kind, source, target in container.references if kind == b"auxl"}
    for number in sorted(auxiliary):
        kinds = [one.content[4:].split(b"\0")[0] for one in container.properties.get(number, ()) if one.kind == b"auxC"]
        for urn in kinds:
            if not urn.startswith(_ALPHA):
                names[_auxiliary_name(urn)] = None
    for item in container.items.values():
        if item.kind == b"tmap":
            names["HDR gain map"] = None
        elif item.kind == b"uri " or (item.kind == b"mime" and item.content_type != _XMP):
            names[f"data of type {item.content_type.decode('latin-1') or 'uri'}"] = None
    if any(container.of_primary(kind) for kind in _LIGHT):
        names["HDR light levels"] = None
    if behind := unknown_bytes(container.behind):
        names[behind] = None
    return tuple(names)


def other_pictures(container: Container) -> int:
    """How many pictures there are beside the main one: neither parts of one, nor thumbnails, nor auxiliary."""
    parts = {source for kind, source, _ in container.references if kind in (b"auxl", b"thmb")}
    parts |= {target for kind, _, target in container.references if kind == b"dimg"}
    return sum(
        number != container.primary and number not in parts and not item.hidden and item.kind not in _NO_PICTURES
        for number, item in container.items.items()
    )


def cicp_of(container: Container) -> tuple[Cicp, int] | None:
    """The main picture's colours by numbers, and where in the file they stand; None where it does not say."""
    for one in container.of_primary(b"colr"):
        if one.content[:4] == b"nclx" and len(one.content) >= 10:
            return Cicp(*struct.unpack_from(">3H", one.content, 4)), one.at + 4
    return None


def readable(data: bytes, container: Container) -> tuple[bytes, tuple[str, ...]]:
    """The file with numbers of colours that H.273 does not know said to be unspecified, as decoders refuse pictures for
    them; and a note where that may show: the matrix makes the pixels, the rest only names their colours."""
    patched, notes = None, []
    for item, properties in container.properties.items():
        for one in properties:
            if one.kind != b"colr" or one.content[:4] != b"nclx" or len(one.content) < 10:
                continue
            found = struct.unpack_from(">3H", one.content, 4)
            known = [
                number if number in numbers else _UNSPECIFIED for number, numbers in zip(found, _KNOWN, strict=True)
            ]
            if known == list(found):
                continue
            patched = patched or bytearray(data)
            struct.pack_into(">3H", patched, one.at + 4, *known)
            if item == container.primary and known[2] != found[2]:
                notes.append(f"its colours are coded by an unknown number (matrix {found[2]}), taken for the usual one")
    return data if patched is None else bytes(patched), tuple(notes)


def refuse_matrix(container: Container) -> None:
    """Tell of a picture that was not decoded that it is not damaged, if the way its colours are coded is a rare one.

    Raises InputError without a file name.
    """
    found = cicp_of(container)
    if found and found[0].matrix in _RARE_MATRICES:
        matrix = found[0].matrix
        raise InputError(f"its colours are coded in a rare way (matrix {matrix}); convert it to PNG or TIFF first")


def with_colours(data: bytes, place: int, cicp: Cicp) -> bytes:
    """The file with other primaries and another curve at the place that `cicp_of` tells; the matrix stays as it is."""
    return data[:place] + struct.pack(">HH", cicp.primaries, cicp.transfer) + data[place + 4 :]


def _auxiliary_name(urn: bytes) -> str:
    if b"gainmap" in urn.lower():
        return "HDR gain map"
    if urn.startswith(_DEPTH) or b"depth" in urn.lower():
        return "depth map"
    return f"auxiliary picture ({urn.split(b':')[-1].decode('latin-1')})"
