"""Editing an XMP packet in place: what no longer holds is cut out, and every other byte stays.

A packet is parsed to find where its properties stand, and never written anew: other programs find their prefixes, their
padding and the order of their properties again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.parsers import expat

TIFF, EXIF, XMP = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/xap/1.0/"
RDF, NOTE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://ns.adobe.com/xmp/note/"
_GOOGLE = "http://ns.google.com/photos/"
_WELL_KNOWN = {"rdf": RDF, "tiff": TIFF, "exif": EXIF, "xmp": XMP, "xap": XMP, "xmpNote": NOTE}  # for packets without
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')""")
_END_OF_TAG = re.compile(rb"""(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_WIDTHS = ((TIFF, "ImageWidth", "ImageLength"), (EXIF, "PixelXDimension", "PixelYDimension"))


class XmpProperty(NamedTuple):
    """An attribute or an element: its name, where it begins and ends, and where the text of its value does.

    `depth` is 0 for a property of the photograph itself, and more for what stands within one; a structural element of
    RDF has -1. `scope` are the prefixes that are declared there.
    """

    namespace: str
    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    depth: int
    attribute: bool
    scope: dict[str, str]


@dataclass(frozen=True)
class Rule:
    """Properties that describe what no result holds: a namespace, or the beginnings of names in it, and what it is."""

    namespace: str
    names: tuple[str, ...] = ("",)
    part: str | None = None  # what is lost with them; None where they only point to another part of the file


#: What is cut out of every packet. Thumbnails show the blurred picture; the rest describes parts that are not kept.
STALE = (
    Rule(_GOOGLE + "1.0/camera/", ("MotionPhoto", "MicroVideo")),
    Rule(_GOOGLE + "1.0/container/"),
    Rule(_GOOGLE + "1.0/depthmap/", part="depth map in XMP"),
    Rule(_GOOGLE + "1.0/focus/"),
    Rule(_GOOGLE + "1.0/image/", part="second picture in XMP"),
    Rule(_GOOGLE + "1.0/audio/", part="sound in XMP"),
    Rule(_GOOGLE + "dd/1.0/"),
    Rule("http://ns.adobe.com/hdr-gain-map/"),
    Rule("http://ns.apple.com/HDRGainMap/"),
    Rule("http://ns.apple.com/HDRToneMap/"),
    Rule("http://ns.apple.com/pixeldatainfo/"),
    Rule("http://ns.apple.com/depthData/"),
    Rule("http://ns.xiaomi.com/photos/"),
    Rule(NOTE, ("HasExtendedXMP",)),
    Rule(XMP, ("Thumbnails", "PageInfo")),
)


def properties(packet: bytes) -> list[XmpProperty]:
    """Every attribute and element of a packet, in order. Raises ValueError for what is no XML."""
    return _Scan(packet).found


def edited(packet: bytes, *, upright: bool, turned: bool) -> tuple[bytes, tuple[str, ...]]:
    """The packet of a processed picture, and the names of the parts that were in what was cut out.

    With `upright` its Orientation becomes 1; with `turned` (a quarter turn) widths and heights change places. Raises
    ValueError for what is no XML.
    """
    packet, parts, cuts = as_utf8(packet), dict[str, None](), list[tuple[int, int, bytes]]()
    found = properties(packet)
    values: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in found:
        rule = next((rule for rule in STALE if _applies(rule, one)), None)
        if rule:
            cuts.append((one.start, one.end, b""))
            if rule.part:
                parts[rule.part] = None
        else:
            values.setdefault((one.namespace, one.name), []).append((one.value_start, one.value_end))
    if upright:
        cuts += [(start, end, b"1") for start, end in values.get((TIFF, "Orientation"), ())]
    for namespace, across, down in _WIDTHS if turned else ():
        for width, height in zip(values.get((namespace, across), ()), values.get((namespace, down), ()), strict=False):
            cuts += [(*width, packet[slice(*height)]), (*height, packet[slice(*width)])]
    packet = replaced(packet, cuts)
    return (_without_unused_prefixes(packet) if cuts else packet), tuple(parts)


def value_of(packet: bytes, namespace: str, name: str) -> bytes | None:
    """The text of the first property of this name. Raises ValueError for what is no XML."""
    for one in properties(packet):
        if (one.namespace, one.name) == (namespace, name):
            return packet[one.value_start : one.value_end]
    return None


def as_utf8(packet: bytes) -> bytes:
    """The packet without the zero bytes that some writers end it with, and in UTF-8, which JPEG and PNG ask for."""
    for mark, encoding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if packet.startswith(mark):
            return packet.decode(encoding, errors="strict").rstrip("\0").encode()
    packet = packet.rstrip(b"\0")
    try:
        packet.decode()
    except UnicodeDecodeError:  # against the standard, but met
        return packet.decode("latin-1").encode()
    return packet


def replaced(packet: bytes, pieces: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The packet with other bytes in some places; a place within another that is replaced goes with it."""
    result, at = bytearray(), 0
    for start, end, content in sorted(pieces, key=lambda piece: (piece[0], -piece[1])):
        if start >= at:
            result += packet[at:start] + content
            at = end
    return bytes(result + packet[at:])


def _applies(rule: Rule, one: XmpProperty) -> bool:
    return one.namespace.startswith(rule.namespace) and one.name.startswith(rule.names)


def _without_unused_prefixes(packet: bytes) -> bytes:
    """The packet without declarations of the namespaces that were cut out, where nothing uses them any more."""
    cuts = []
    for prefix, uri in set(re.findall(rb"""\sxmlns:([\w.-]+)\s*=\s*["']([^"']*)["']""", packet)):
        stale = any(uri.decode(errors="replace").startswith(rule.namespace) for rule in STALE if rule.namespace != XMP)
        if stale and not re.search(rb"[<\s/]" + re.escape(prefix) + rb":", packet):
            declared = re.finditer(rb"\s+xmlns:" + re.escape(prefix) + rb"""\s*=\s*("[^"]*"|'[^']*')""", packet)
            cuts += [(one.start(), one.end(), b"") for one in declared]
    return replaced(packet, cuts)


class _Scan:
    """Finds the properties of a packet with expat, which tells where every tag begins."""

    def __init__(self, packet: bytes) -> None:
        self.packet, self.found = packet, list[XmpProperty]()
        self.open: list[tuple[XmpProperty, bool]] = []  # with whether the tag ends itself
        self.scopes = [_WELL_KNOWN]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler, self.parser.EndElementHandler = self.begin, self.end
        self.parser.StartDoctypeDeclHandler = self.refuse
        try:
            self.parser.Parse(packet, True)
        except expat.ExpatError as problem:
            raise ValueError(f"not XML ({problem})") from None

    def refuse(self, *_: object) -> None:
        raise ValueError("a document type, which XMP has not")

    def begin(self, _name: str, attributes: dict[str, str]) -> None:
        start = self.parser.CurrentByteIndex
        end_of_tag = _END_OF_TAG.match(self.packet, start)
        if end_of_tag is None:
            raise ValueError("a tag without an end")
        end = end_of_tag.end()
        declared = {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
        scope = {**self.scopes[-1], **declared} if declared else self.scopes[-1]
        self.scopes.append(scope)
        namespace, name = _resolved(_name, scope)
        above = self.open[-1][0].depth if self.open else -1
        depth = -1 if namespace in (RDF, "adobe:ns:meta/") and above < 0 else above + 1
        one = XmpProperty(namespace, name, start, end, end, end, depth, False, scope)
        self.open.append((one, self.packet[end - 2 : end - 1] == b"/"))
        for match in _ATTRIBUTE.finditer(self.packet, start + 1, end):
            key = match[1].decode(errors="replace")
            if ":" in key and not key.startswith("xml"):
                space, local = _resolved(key, scope)
                value = match.start(2) + 1, match.end(2) - 1
                self.found.append(XmpProperty(space, local, *match.span(), *value, depth + 1, True, scope))

    def end(self, _name: str) -> None:
        one, alone = self.open.pop()
        self.scopes.pop()
        index = self.parser.CurrentByteIndex
        if alone:
            self.found.append(one)
            return
        close = self.packet.index(b">", index) + 1
        self.found.append(one._replace(end=close, value_end=index))


def _resolved(name: str, scope: dict[str, str]) -> tuple[str, str]:
    prefix, _, local = name.rpartition(":")
    return scope.get(prefix, prefix), local


def photo_properties(found: Iterable[XmpProperty]) -> Iterator[XmpProperty]:
    """Those that are properties of the photograph itself, and no part of another."""
    return (one for one in found if one.depth == 0 and one.namespace != RDF)
