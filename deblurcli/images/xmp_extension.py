"""XMP longer than a JPEG segment: the rest stands in an extension (Adobe, XMP Specification Part 3, 1.1.3.1).

In memory a photograph has one packet. The properties of an extension are put into it, and taken out again where a
JPEG file is written.
"""

from __future__ import annotations

import hashlib
import re
import struct

from deblurcli.images.xmp import NOTE, RDF, XmpProperty, as_utf8, photo_properties, properties, replaced, value_of

_HEAD = 32 + 4 + 4  # the extension's name, its length, where the chunk belongs
_GUID = b"xmpNote:HasExtendedXMP"
_OPEN = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
_CLOSE = b"</rdf:RDF></x:xmpmeta>"


def assembled(packet: bytes, chunks: list[bytes]) -> bytes | None:
    """The content of the extension that a packet points to; None if it points nowhere or a part is missing."""
    try:
        guid = (value_of(as_utf8(packet), NOTE, "HasExtendedXMP") or b"").strip()
    except ValueError:
        return None
    own = [chunk for chunk in chunks if len(chunk) >= _HEAD and chunk[:32] == guid]
    if not guid or not own:
        return None
    (length,) = struct.unpack_from(">I", own[0], 32)
    pieces = {struct.unpack_from(">I", chunk, 36)[0]: chunk[_HEAD:] for chunk in own}
    content = b""
    for start in sorted(pieces):
        if start != len(content):
            return None
        content += pieces[start]
    return content if len(content) == length else None


def merged(packet: bytes, extension: bytes) -> bytes:
    """The packet with the properties of its extension. Raises ValueError if one of them is no XMP."""
    packet, extension = as_utf8(packet), as_utf8(extension)
    descriptions = [one for one in properties(extension) if (one.namespace, one.name) == (RDF, "Description")]
    outermost = [one for one in descriptions if one.depth < 0]
    added = b""
    for one in outermost:
        head = re.compile(rb"<[^\s/>]+").match(extension, one.start)
        if head is None:
            raise ValueError("a tag without a name")
        inside = extension[head.end() : one.end]
        tag = inside.split(b">", 1)[0]
        scope = b"".join(
            f' xmlns:{prefix}="{uri}"'.encode()
            for prefix, uri in one.scope.items()
            if f"xmlns:{prefix}=".encode() not in tag
        )
        added += head[0] + scope + inside
    closes = [one for one in properties(packet) if (one.namespace, one.name) == (RDF, "RDF")]
    if not closes or not outermost or closes[0].value_end == closes[0].end:
        raise ValueError("no place for the extension")
    at = closes[0].value_end
    return packet[:at] + added + packet[at:]


def split(packet: bytes, room: int) -> tuple[bytes, bytes | None] | None:
    """The packet in at most `room` bytes, and an extension with its largest properties, or None where it needs none.

    None at all if that cannot be done. The padding that packets end with goes first.
    """
    if len(packet) <= room:
        return packet, None
    try:
        packet = re.sub(rb"\s{64,}(?=<\?xpacket end)", b"\n", as_utf8(packet))
        movable = sorted(photo_properties(properties(packet)), key=lambda one: one.start - one.end)
    except ValueError:
        return None
    moved: list[XmpProperty] = []
    size = len(packet)
    for one in movable:
        if size + 200 <= room:  # with what points to the extension
            break
        moved.append(one)
        size -= one.end - one.start
    if size + 200 > room:
        return None
    if not moved:
        return packet, None
    extension = _OPEN + b"".join(_described(packet, one) for one in moved) + _CLOSE
    guid = hashlib.md5(extension).hexdigest().upper().encode()
    main = replaced(packet, [(one.start, one.end, b"") for one in moved])
    pointer = b' xmlns:xmpNote="' + NOTE.encode() + b'" ' + _GUID + b'="' + guid + b'"'
    place = re.search(rb"<rdf:Description\b", main)
    return None if place is None else (main[: place.end()] + pointer + main[place.end() :], extension)


def segments_of_extension(extension: bytes, room: int) -> list[bytes]:
    """An extension as JPEG's segments hold it, without the segments' name."""
    guid = hashlib.md5(extension).hexdigest().upper().encode()
    step = room - _HEAD
    return [
        guid + struct.pack(">II", len(extension), start) + extension[start : start + step]
        for start in range(0, len(extension), step)
    ]


def _described(packet: bytes, one: XmpProperty) -> bytes:
    """A description that holds this property alone, with the prefixes it uses."""
    piece = packet[one.start : one.end]
    scope = b"".join(
        f' xmlns:{prefix}="{uri}"'.encode()
        for prefix, uri in one.scope.items()
        if prefix != "rdf" and f"{prefix}:".encode() in piece and f"xmlns:{prefix}=".encode() not in piece
    )
    head = b'<rdf:Description rdf:about=""' + scope
    return head + piece + b"/>" if one.attribute else head + b">" + piece + b"</rdf:Description>"
