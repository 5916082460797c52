"""XMP: kept to the byte but for what no longer holds, of any length, and left out where it is broken."""

import hashlib
import struct

import pytest
from file_makers import jpeg_with, saved, segment, xmp, xmp_segment
from losses import GOOGLE, check_gone

from deblurcli.images import encode_photo, read_photo


def extension(content, length=None, guid=None):
    guid = guid or hashlib.md5(content).hexdigest().upper().encode()
    step, head = 60_000, b"http://ns.adobe.com/xmp/extension/\0"
    return guid.decode(), [
        segment(0xE1, head + guid + struct.pack(">II", length or len(content), at) + content[at : at + step])
        for at in range(0, len(content), step)
    ]


def test_an_extension_of_xmp_is_kept_but_for_what_no_longer_holds(colour8):
    depth = f'xmlns:D="{GOOGLE}depthmap/" D:Data="' + "QUJD" * 30_000 + '"'
    history = "<a:History xmlns:a='urn:a'>" + "step " * 20_000 + "</a:History>"
    guid, segments = extension(xmp(depth, history))
    main = xmp(f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid}" D:Near="1"')
    main = main.replace(b"<rdf:Description ", f'<rdf:Description xmlns:D="{GOOGLE}depthmap/" '.encode())
    data = jpeg_with(saved(colour8), xmp_segment(main), *segments)
    photo = read_photo(data)
    assert b"step step" in photo.metadata.xmp and b"QUJD" not in photo.metadata.xmp
    assert guid.encode() not in photo.metadata.xmp
    check_gone(data, "depth map", guid.encode(), b"depthmap/", b"QUJDQUJD")
    # As long as that, it needs an extension of its own in JPEG.
    again = read_photo(encode_photo(photo, "JPEG")[0]).metadata.xmp
    assert b"step step" in again and b"HasExtendedXMP" not in again


@pytest.mark.parametrize("fault", ["missing", "short", "other name"])
def test_an_extension_that_is_not_whole(colour8, fault):
    content = xmp("", "<a:History xmlns:a='urn:a'>" + "step " * 20_000 + "</a:History>")
    guid, segments = extension(content, len(content) + (fault == "short"))
    guid = guid if fault != "other name" else "0" * 32
    main = xmp(f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid}"')
    data = jpeg_with(saved(colour8), xmp_segment(main), *(segments[1:] if fault == "missing" else segments))
    check_gone(data, "extended XMP", guid.encode(), b"HasExtendedXMP")


def test_thumbnails_in_xmp_go_as_those_in_exif_do(colour8):
    thumbnail = (
        "<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><g:image xmlns:g='http://ns.adobe.com/xap/1.0/g/img/'>"
        "/9j/4AAQ</g:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
    )
    photo = read_photo(jpeg_with(saved(colour8), xmp_segment(xmp("", thumbnail))))
    assert b"Thumbnails" not in photo.metadata.xmp and b"/9j/" not in photo.metadata.xmp
    assert b'xmp:Rating="5"' in photo.metadata.xmp and photo.metadata.xmp.endswith(b'<?xpacket end="w"?>')


def test_a_packet_without_such_things_stays_byte_for_byte(colour8):
    packet = xmp('xmlns:dc="http://purl.org/dc/elements/1.1/"', "<dc:title>Ö &amp; <!-- a remark -->  b</dc:title>\n")
    assert read_photo(jpeg_with(saved(colour8), xmp_segment(packet))).metadata.xmp == packet


def test_a_packet_in_utf_16_is_read(colour8):
    packet = xmp().decode().encode("utf-16-le")
    photo = read_photo(jpeg_with(saved(colour8), xmp_segment(packet)))
    assert b'xmp:Rating="5"' in photo.metadata.xmp


def test_a_packet_in_latin_1_is_read(colour8):
    packet = xmp('xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="XX"').replace(b"XX", b"\xd6l")
    photo = read_photo(jpeg_with(saved(colour8), xmp_segment(packet)))
    assert "Öl".encode() in photo.metadata.xmp


def test_a_second_packet_is_told_of(colour8):
    data = jpeg_with(saved(colour8), xmp_segment(xmp()), xmp_segment(xmp('xmlns:a="urn:a" a:b="c"')))
    check_gone(data, "second XMP packet", b"urn:a")


def test_a_packet_with_entities_of_its_own_is_left_out(colour8):
    packet = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + xmp("", "&b;")
    photo = read_photo(jpeg_with(saved(colour8), xmp_segment(packet)))
    assert photo.metadata.xmp is None and any("XMP" in note for note in photo.notes)
