"""Whatever is in a file beside its pixels is in the result, or in a note; and nothing tells of what is gone."""

import io
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
from file_makers import (
    as_auxiliary,
    box,
    chunk,
    exif_block,
    jpeg_with,
    png_with,
    saved,
    segment,
    video,
    xmp,
    xmp_segment,
)
from losses import DIRECTORY, GOOGLE, check_gone
from PIL import Image, features

from deblurcli.images import encode_photo, read_photo
from deblurcli.images.parts import _WORDS, CODING, Encoded, losses
from deblurcli.images.photo import Metadata, Text


def test_no_field_of_the_metadata_can_be_forgotten():
    assert {field.name for field in fields(Metadata)} == CODING | set(_WORDS)


def test_a_writer_who_says_nothing_is_told_of_as_holding_nothing(colour8, srgb):
    photo = read_photo(saved(colour8, exif=b"Exif\0\0" + exif_block([(315, 2, "J")]), icc_profile=srgb, comment=b"hi"))
    (note,) = losses(photo, "NEW", Encoded(b""))
    assert note == 'NEW has no place for its EXIF, colour profile and text "Comment": left out'


# --- what follows the picture of a JPEG ----------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b"hdrgm", b"iso"])
def test_ultra_hdr(colour8, mark):
    packet = xmp(
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"', DIRECTORY.format("GainMap", 1034)
    )
    of_the_map = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(8))
    if mark == b"hdrgm":
        of_the_map = xmp_segment(b"<x hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'/>")
    gain_map = jpeg_with(saved(colour8[::4, ::4]), of_the_map)
    data = jpeg_with(saved(colour8), xmp_segment(packet), behind=gain_map)
    check_gone(data, "HDR gain map", b"hdrgm", b"hdr-gain-map", b"GainMap", b"container")


@pytest.mark.parametrize("style", ["MotionPhoto", "MicroVideo", "Samsung"])
def test_motion_photos(colour8, style):
    film = video()
    camera = f'xmlns:GCamera="{GOOGLE}camera/" GCamera:BurstID="7" '
    attributes = {
        "MotionPhoto": camera + 'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"',
        "MicroVideo": camera + f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(film)}"',
        "Samsung": "",
    }[style]
    packet = xmp(attributes, DIRECTORY.format("MotionPhoto", len(film)) if style == "MotionPhoto" else "")
    name = b"MotionPhoto_Data"
    trailer = struct.pack("<HHI", 0, 0x0A30, len(name)) + name + film
    directory = b"SEFH" + struct.pack("<IIHHII", 106, 1, 0, 0x0A30, len(trailer), len(trailer))
    behind = trailer + directory + struct.pack("<I", len(directory)) + b"SEFT" if style == "Samsung" else film
    data = jpeg_with(saved(colour8), xmp_segment(packet), behind=behind)
    check_gone(data, "video", b"MotionPhoto", b"MicroVideo", b"container")
    if attributes:
        assert b'GCamera:BurstID="7"' in encode_photo(read_photo(data), "JPEG")[0]


def test_the_second_view_of_a_stereo_picture(colour8):
    file = io.BytesIO()
    Image.fromarray(colour8).save(file, "MPO", save_all=True, append_images=[Image.fromarray(colour8[:, ::-1])])
    check_gone(file.getvalue(), "second picture", b"MPF\0")


def test_a_large_preview_is_called_so(colour8):
    file = io.BytesIO()
    Image.fromarray(colour8).save(file, "MPO", save_all=True, append_images=[Image.fromarray(colour8[::2, ::2])])
    data = bytearray(file.getvalue())
    at = data.index(struct.pack("<HH", 0xB002, 7))
    base = data.index(b"MPF\0") + 4
    (offset,) = struct.unpack_from("<I", data, at + 8)
    struct.pack_into("<I", data, base + offset + 16, 0x010002)  # a preview of full HD size, by its type
    check_gone(bytes(data), "large preview")


def test_unknown_bytes_behind_a_picture_are_counted(colour8):
    data = jpeg_with(saved(colour8), behind=bytes(64) + b"appended by a program" * 9)
    check_gone(data, "189 bytes of unknown data")
    assert encode_photo(read_photo(jpeg_with(saved(colour8), behind=bytes(99) + b"\n")), "JPEG")[1] == ()


# --- HEIC and AVIF -------------------------------------------------------------------------------------------------


def heic_of_two(pixels):
    pillow_heif = pytest.importorskip("pillow_heif")
    pictures = pillow_heif.from_pillow(Image.fromarray(pixels))
    pictures.add_from_pillow(Image.fromarray(255 - pixels))
    file = io.BytesIO()
    pictures.save(file, quality=90, chroma=444)
    return file.getvalue()


@pytest.mark.parametrize(
    ("urn", "word"),
    [
        (b"urn:mpeg:hevc:2015:auxid:2", "depth map"),
        (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth", "depth map"),
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", "HDR gain map"),
        (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "portraiteffectsmatte"),
    ],
)
def test_auxiliary_pictures_of_heic(colour8, urn, word):
    data = as_auxiliary(heic_of_two(colour8), urn)
    photo = read_photo(data)
    assert np.abs(photo.pixels.astype(int) - colour8).mean() < 6
    check_gone(data, word)


def test_other_pictures_of_heic_are_told_of(colour8):
    photo = read_photo(heic_of_two(colour8))
    assert photo.notes == ("only the main one of its 2 pictures was read",) and photo.parts == ()


def test_a_film_in_heic(colour8):
    data = heic_of_two(colour8)
    check_gone(data + box(b"mpvd", video()), "video")
    check_gone(data + video(), "video")
    check_gone(data + box(b"uuid", bytes(16)), "data of a private kind")


def test_a_film_in_avif(colour8):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    check_gone(saved(colour8, "AVIF") + box(b"mpvd", video()), "video")


def test_names_are_listed_as_a_sentence_does_and_not_without_end(colour8):
    photo = read_photo(saved(colour8, "PNG"))
    texts = tuple(Text(f"key {number}", "text") for number in range(90))
    photo = replace(photo, metadata=replace(photo.metadata, texts=texts))
    (note,) = encode_photo(photo, "TIFF")[1]
    assert note.endswith('"key 4" and 85 more: left out') and len(note) < 200


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"])
def test_bytes_behind_the_picture_are_told_and_padding_is_not(colour8, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    image, file = Image.fromarray(colour8), io.BytesIO()
    if format == "HEIF":
        pytest.importorskip("pillow_heif").from_pillow(image).save(file)
    else:
        (image.quantize() if format == "GIF" else image).save(file, format)
    data = file.getvalue()
    assert read_photo(data).parts == read_photo(data + bytes(300)).parts == ()
    assert read_photo(data + b"something else" * 11).parts == ("154 bytes of unknown data after the picture",)


def test_what_a_file_says_cannot_reach_a_terminal(colour8):
    data = png_with(
        colour8,
        chunk(b"tEXt", b"evil\x1b[31m\nkey\0text"),
        chunk(b"tEXt", b"\x1b[2J damaged\0text", checksum=7),
        chunk(b"\x1b[2J", b"no chunk"),
        chunk(b"\x1b[3J", b"damaged", checksum=7),
    )
    photo = read_photo(data)
    notes = [note for format in ("JPEG", "TIFF") for note in (*photo.notes, *encode_photo(photo, format)[1])]
    assert any("evil\\x1b[31m\\nkey" in note for note in notes) and all(note.isprintable() for note in notes)
