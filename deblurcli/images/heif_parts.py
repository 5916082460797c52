"""What a HEIF or AVIF file holds beside its main picture, and how it says what the samples stand for."""

from __future__ import annotations

import struct

from deblurcli.images.isobmff import Container
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


def with_colours(data: bytes, place: int, cicp: Cicp) -> bytes:
    """The file with other primaries and another curve at the place that `cicp_of` tells; the matrix stays as it is."""
    return data[:place] + struct.pack(">HH", cicp.primaries, cicp.transfer) + data[place + 4 :]


def _auxiliary_name(urn: bytes) -> str:
    if b"gainmap" in urn.lower():
        return "HDR gain map"
    if urn.startswith(_DEPTH) or b"depth" in urn.lower():
        return "depth map"
    return f"auxiliary picture ({urn.split(b':')[-1].decode('latin-1')})"
