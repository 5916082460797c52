"""A JPEG of which a part is missing is refused, however it ends; one that lacks only its end marker is whole."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import read_photo

END = b"\xff\xd9"


@pytest.fixture
def jpeg(colour8):
    """jpeg(**options) -> a file with enough detail that every part of its data matters."""

    def make(mode="RGB", **options):
        noise = np.random.default_rng(3).normal(0, 10, (160, 224, 3))
        pixels = np.clip(np.tile(colour8, (4, 4, 1)) + noise, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
        return file.getvalue()

    return make


def refused(data):
    with pytest.raises(InputError, match="the JPEG data is damaged or incomplete") as caught:
        read_photo(data)
    assert "0x" not in str(caught.value)
    return str(caught.value)


KINDS = [
    {},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"mode": "L"},
    {"mode": "L", "progressive": True},
    {"mode": "CMYK"},
    {"subsampling": 0},
    {"quality": 98, "subsampling": 0},
    {"quality": 98, "progressive": True, "restart_marker_blocks": 5},
    {"quality": 98, "mode": "L", "restart_marker_blocks": 7},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("end", [b"", END], ids=["cut", "cut, with an end marker"])
def test_cut(jpeg, options, part, end):
    data = jpeg(**options)
    refused(data[: int(len(data) * part)] + end)


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("filling", [b"\0", b"\xff"], ids=["zeros", "ones"])
@pytest.mark.parametrize("end", [b"", END], ids=["to the end", "before an end marker"])
def test_filled(jpeg, options, filling, end):
    data = jpeg(**options)
    half = len(data) // 2
    refused(data[:half] + filling * (len(data) - half) + end)


def scans_of(data):
    """Where each scan of a file begins."""
    return [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("end", [b"", END], ids=["cut", "cut, with an end marker"])
def test_cut_between_the_scans_of_a_progressive_file(jpeg, end):
    data = jpeg(progressive=True)
    for at in scans_of(data)[1:]:
        assert "before all of the picture has come" in refused(data[:at] + end)


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("missing", [1, 2])
def test_without_its_end_marker_it_is_whole(jpeg, options, missing):
    data = jpeg(**options)
    photo = read_photo(data[:-missing])
    np.testing.assert_array_equal(photo.pixels, read_photo(data).pixels)
    assert photo.notes == read_photo(data).notes


def test_what_stands_behind_the_picture_is_no_damage(jpeg):
    data = jpeg()
    for rest in (END + b"trailing", END + bytes(3000), b"a trailer of a camera, and no end marker"):
        np.testing.assert_array_equal(read_photo(data[:-2] + rest).pixels, read_photo(data).pixels)


def test_what_stands_before_the_picture_is_no_damage(jpeg):
    data = jpeg()
    whole = read_photo(data).pixels
    bad_icc = b"ICC_PROFILE\0\3\2" + bytes(20)
    odd_adobe = b"Adobe\0\x64\0\0\0\0\x07"
    for marker, content in ((0xE2, bad_icc), (0xEE, odd_adobe), (0xE0, b"JFIF\0\x09\x09\0\0\1\0\1\0\0"), (0xEC, b"")):
        segment = struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        np.testing.assert_array_equal(read_photo(data[:2] + segment + data[2:]).pixels, whole)
    tables = data.index(b"\xff\xdb")
    np.testing.assert_array_equal(read_photo(data[:tables] + b"\0" + data[tables:]).pixels, whole)


def test_unusual_numbers_in_a_sequential_scan_are_no_damage(jpeg):
    data = bytearray(jpeg())
    at = scans_of(data)[0]
    parts = data[at + 4]
    data[at + 5 + 2 * parts : at + 8 + 2 * parts] = b"\0\0\0"
    assert read_photo(bytes(data)).pixels.shape == (160, 224, 3)


def test_a_header_without_a_picture(jpeg):
    data = jpeg()
    assert "all of the picture" in refused(data[: scans_of(data)[0]] + END)


def test_flipped_bits_are_seen_where_they_make_codes_that_do_not_exist(jpeg):
    data = bytearray(jpeg())
    at = scans_of(data)[0] + 200
    for step in range(0, 3000, 150):
        data[at + step] ^= 0x5A
    try:
        read_photo(bytes(data))
    except InputError as problem:
        assert "damaged or incomplete" in str(problem)
    else:
        pytest.fail("a picture that is wrong in twenty places passes for a whole one")


@pytest.mark.parametrize("filling", [b"\0", b"A"])
@pytest.mark.parametrize("part", [0.4, 0.6, 0.8])
def test_other_bytes_in_the_middle_are_told(jpeg, part, filling):
    """Huffman codes go on with whatever comes, but hardly ever come out even."""
    data = jpeg(quality=95, subsampling=0)
    at = int(len(data) * part)
    photo = read_photo(data[:at] + filling * 60 + data[at + 60 :])
    assert any("may be damaged" in note for note in photo.notes)
    assert read_photo(data).notes == ()


def test_zeros_before_the_end_are_padding(jpeg):
    data = jpeg()
    assert read_photo(data[:-2] + bytes(30) + END).notes == ()


@pytest.mark.parametrize("by", [-1, 1])
def test_restart_intervals_of_another_length_than_said(jpeg, by):
    data = jpeg(restart_marker_blocks=20)
    at = data.index(b"\xff\xdd\0\x04") + 4
    (interval,) = struct.unpack_from(">H", data, at)
    refused(data[:at] + struct.pack(">H", interval + by) + data[at + 2 :])
