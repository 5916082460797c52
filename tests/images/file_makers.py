"""Small files with what cameras, scanners and scripts put beside a picture, made by hand."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from deblurcli.images.isobmff import boxes_in

SHORT_XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5" {attributes}>{elements}</rdf:Description></rdf:RDF>'
    '</x:xmpmeta><?xpacket end="w"?>'
)


def xmp(attributes="", elements=""):
    """A packet with a rating, and these attributes and elements."""
    return SHORT_XMP.format(attributes=attributes, elements=elements).encode()


def saved(pixels, format="JPEG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def upright_view(pixels, orientation):
    """The pixels as a viewer shows them, by the definition of the tag: where the first row and column belong."""
    turns = {3: (2, 0), 6: (-1, 0), 8: (1, 0), 2: (0, 1), 4: (2, 1), 5: (-1, 1), 7: (1, 1)}
    quarter, mirror = turns.get(orientation, (0, 0))
    turned = np.rot90(pixels, quarter)
    return turned[:, ::-1] if mirror else turned


# --- directories of tags -------------------------------------------------------------------------------------------

CODES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "s", 8: "h", 9: "i", 12: "d", 16: "Q"}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 12: 8, 13: 4, 16: 8}


def directory(entries, order, at, big=False, following=0):
    """A directory that stands at `at`, its values behind it: entries are (tag, type, values) triples."""
    width, head, step = (8, 8, 20) if big else (4, 2, 12)
    number, pointer = ("Q", "Q") if big else ("H", "I")
    values_at = at + head + step * len(entries) + width
    listing, values = struct.pack(order + number, len(entries)), b""
    for tag, kind, content in entries:
        if isinstance(content, (bytes, str)):
            raw = content.encode() + b"\0" if isinstance(content, str) else content
        else:
            numbers = content if isinstance(content, (list, tuple)) else [content]
            raw = struct.pack(order + CODES[kind][0] * len(numbers), *numbers)
        listing += struct.pack(order + "HH" + pointer, tag, kind, len(raw) // SIZES[kind])
        if len(raw) <= width:
            listing += raw.ljust(width, b"\0")
        else:
            listing += struct.pack(order + pointer, values_at + len(values))
            values += raw + b"\0" * (len(raw) % 2)
    return listing + struct.pack(order + pointer, following) + values


def exif_block(entries, order=">", following=0, **below):
    """An EXIF block; `below` are directories, by "exif" and "gps"."""
    header = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
    links = {"exif": 0x8769, "gps": 0x8825}
    placeholders = [(links[name], 4, 0) for name in below]
    main = directory(sorted([*entries, *placeholders]), order, 8, following=following)
    places, body = {}, main
    for name, inner in below.items():
        places[links[name]] = 8 + len(body)
        body += directory(inner, order, 8 + len(body))
    for tag, place in places.items():
        at = next(at for at in range(2, len(main), 12) if struct.unpack_from(order + "H", main, at)[0] == tag)
        body = body[: at + 8] + struct.pack(order + "I", place) + body[at + 12 :]
    return header + body


def tiff_file(pixels, entries=(), order="<", big=False, strip_counts=None, layout=()):
    """An uncompressed TIFF or BigTIFF of one strip, its pixels before the directory; `layout` replaces tags of it."""
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(order))
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    height, width = pixels.shape[:2]
    head = 16 if big else 8
    data = pixels.tobytes()
    tags = {
        256: (4, width),
        257: (4, height),
        258: (3, [8 * pixels.itemsize] * samples),
        259: (3, 1),
        262: (3, 1 if samples == 1 else 2),
        273: (4, head),
        277: (3, samples),
        278: (4, height),
        279: (4, len(data) if strip_counts is None else strip_counts),
    }
    tags |= {tag: (kind, content) for tag, kind, content in (*layout, *entries)}
    at = head + len(data) + len(data) % 2
    mark = {("<", False): b"II*\0", (">", False): b"MM\0*", ("<", True): b"II+\0", (">", True): b"MM\0+"}[order, big]
    header = mark + (struct.pack(order + "HHQ", 8, 0, at) if big else struct.pack(order + "I", at))
    listed = [(tag, *tags[tag]) for tag in sorted(tags)]
    return (header + data).ljust(at, b"\0") + directory(listed, order, at, big)


# --- PNG -----------------------------------------------------------------------------------------------------------


def chunk(kind, content, checksum=None):
    right = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", right)


def png_with(pixels, *chunks):
    """A PNG with chunks right behind its header; uint16 pixels make one of 16 bits."""
    height, width = pixels.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def packed_grey_png(values, bits, *chunks):
    """A grey PNG of 1, 2 or 4 bits."""
    height, width = values.shape
    wide = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :].reshape(height, -1)
    data = b"".join(b"\0" + np.packbits(row).tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def raw_profile(kind, name, profile):
    """A profile as ImageMagick keeps it in a text chunk of one of the three kinds."""
    digits = profile.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(profile):8}\n{lines}\n".encode()
    keyword = b"Raw profile type " + name.encode() + b"\0"
    return {
        b"tEXt": chunk(kind, keyword + text),
        b"zTXt": chunk(kind, keyword + b"\0" + zlib.compress(text)),
        b"iTXt": chunk(kind, keyword + b"\1\0\0\0" + zlib.compress(text)),
    }[kind]


# --- JPEG ----------------------------------------------------------------------------------------------------------


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_with(data, *segments, behind=b""):
    """A JPEG with segments behind its first one, and bytes behind its end."""
    at = 4 + struct.unpack_from(">H", data, 4)[0]
    return data[:at] + b"".join(segments) + data[at:] + behind


def xmp_segment(packet):
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def video():
    """The boxes of a very short film."""
    return struct.pack(">I", 24) + b"ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 3000) + b"mdat" + bytes(2992)


def resource(number, content):
    """One of Photoshop's."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + b"\0" * (len(content) % 2)


# --- HEIF ----------------------------------------------------------------------------------------------------------


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def as_auxiliary(heic, urn):
    """A HEIC of two pictures whose second one is made an auxiliary picture of the first: a depth map, a gain map."""
    outer = {found.kind: found for found in boxes_in(heic, 0, len(heic))}
    meta = outer[b"meta"]
    inner = {found.kind: heic[found.start : found.end] for found in boxes_in(heic, meta.start + 4, meta.end)}
    primary = struct.unpack_from(">H", inner[b"pitm"], 4)[0]
    pictures = {struct.unpack_from(">H", inner[b"iinf"], at - 4)[0] for at in _places(inner[b"iinf"], b"hvc1")}
    (second,) = pictures - {primary}
    properties = list(boxes_in(inner[b"iprp"], 0, len(inner[b"iprp"])))
    ipco, ipma = (inner[b"iprp"][found.start : found.end] for found in properties)
    count = len(list(boxes_in(ipco, 0, len(ipco))))
    ipco += box(b"auxC", bytes(4) + urn + b"\0")
    ipma = _with_property(ipma, second, count + 1)
    reference = box(b"auxl", struct.pack(">HHH", second, 1, primary))
    inner[b"iprp"] = box(b"ipco", ipco) + box(b"ipma", ipma)
    inner[b"iref"] = inner.get(b"iref", bytes(4)) + reference
    old = meta.end - meta.start + 8
    content = bytes(4) + b"".join(box(kind, part) for kind, part in inner.items())
    grown = len(content) + 8 - old
    inner[b"iloc"] = _moved(inner[b"iloc"], grown)
    content = bytes(4) + b"".join(box(kind, part) for kind, part in inner.items())
    return heic[: meta.start - 8] + box(b"meta", content) + heic[meta.end :]


def _places(data, what):
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def _with_property(ipma, item, index):
    """An association of 8-bit indexes added to an item's."""
    result, at = ipma[:8], 8
    assert ipma[:4] == bytes(4)
    while at < len(ipma):
        (number,), count = struct.unpack_from(">H", ipma, at), ipma[at + 2]
        listed = ipma[at + 3 : at + 3 + count]
        at += 3 + count
        listed += bytes([index]) if number == item else b""
        result += struct.pack(">HB", number, len(listed)) + listed
    return result


def _moved(iloc, by):
    """Every offset in the file that the locations tell, moved on; of the versions that libheif writes."""
    version, sizes = iloc[0], struct.unpack_from(">H", iloc, 4)[0]
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    result, at = bytearray(iloc), 8
    (count,) = struct.unpack_from(">H", iloc, 6)
    for _ in range(count):
        at += 2
        in_file = True
        if version:
            in_file = not struct.unpack_from(">H", iloc, at)[0] & 1
            at += 2
        at += 2
        moved_base = base and in_file
        if moved_base:
            result[at : at + base] = (int.from_bytes(iloc[at : at + base], "big") + by).to_bytes(base, "big")
        at += base
        (extents,) = struct.unpack_from(">H", iloc, at)
        at += 2
        for _ in range(extents):
            at += index if version else 0
            if in_file and not moved_base:
                result[at : at + offset] = (int.from_bytes(iloc[at : at + offset], "big") + by).to_bytes(offset, "big")
            at += offset + length
    return bytes(result)


# --- Colours by number ---------------------------------------------------------------------------------------------


def skip_without(format):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    elif format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")


def by_numbers(pixels, format, cicp):
    """A file of colours by number, made by the library's own means."""
    skip_without(format)
    if format == "PNG":
        return png_with(pixels, chunk(b"cICP", bytes([cicp.primaries, cicp.transfer, 0, 1])))
    if format == "HEIF":
        import pillow_heif

        file = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(pixels)).save(
            file,
            quality=90,
            chroma=444,
            color_primaries=cicp.primaries,
            transfer_characteristics=cicp.transfer,
            matrix_coefficients=cicp.matrix,
        )
        return file.getvalue()
    data = saved(pixels, "AVIF", quality=95, subsampling="4:4:4")
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", cicp.primaries, cicp.transfer) + data[at + 4 :]
