"""What is no photograph deblur reads is called by its name, in words that are the same for every such file."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import encode_photo, read_photo


def refusal(data, name="photo.jpg"):
    with pytest.raises(InputError) as caught:
        read_photo(data, name)
    line = str(caught.value)
    assert "\n" not in line and "0x" not in line
    return line


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (imagecodecs.jpegxl_encode(np.zeros((9, 9, 3), np.uint8)), "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), "a JPEG XL picture"),
        (imagecodecs.jpeg2k_encode(np.zeros((9, 9, 3), np.uint8)), "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51" + bytes(60), "a JPEG 2000 picture"),
        (b"8BPS\0\1" + bytes(60), "a Photoshop document"),
        (b"P6\n9 9 255\n" + bytes(243), "a PNM picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera raw file"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "not a photograph but a film"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "not a photograph but a film"),
        (b"%PDF-1.7\n" + bytes(60), "not a photograph but a PDF document"),
        (b"\n<!DOCTYPE html><title>404</title>", "not a photograph but a web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"PK\3\4" + bytes(60), "not a photograph but a ZIP archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_other_kinds(data, words):
    assert words in refusal(data)


def jpeg_of_kind(marker, precision):
    frame = struct.pack(">BBHBHHB", 0xFF, marker, 17, precision, 9, 9, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    return b"\xff\xd8" + frame + b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0" + bytes(40) + b"\xff\xd9"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (jpeg_of_kind(0xC1, 12), "12-bit JPEG"),
        (jpeg_of_kind(0xC2, 12), "12-bit JPEG"),
        (imagecodecs.ljpeg_encode(np.zeros((9, 9), np.uint16), bitspersample=16), "16-bit lossless JPEG"),
        (jpeg_of_kind(0xC3, 14), "14-bit lossless JPEG"),
        (jpeg_of_kind(0xC5, 8), "hierarchical JPEG"),
        (imagecodecs.jpegls_encode(np.zeros((9, 9), np.uint8)), "JPEG-LS"),
    ],
)
def test_kinds_of_jpeg(data, words):
    assert words in refusal(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"])
def test_equal_damage_has_equal_words(colour8, format):
    lines = set()
    for step in range(3):
        file = io.BytesIO()
        Image.fromarray(np.roll(colour8, step, 0)).save(file, format)
        lines.add(refusal(file.getvalue()[: len(file.getvalue()) // 2]))
    assert len(lines) == 1
    assert lines.pop().startswith(f"photo.jpg: the {format} data is damaged or incomplete")


def test_a_result_that_cannot_be_encoded_says_so_in_our_words(colour8, monkeypatch):
    from deblurcli.errors import OutputError
    from deblurcli.images import encode, photo

    def fail(*arguments):
        raise RuntimeError("<_io.BytesIO object at 0x7f25f3783c90>")

    monkeypatch.setitem(encode._ENCODERS, "PNG", fail)
    with pytest.raises(OutputError) as caught:
        encode_photo(photo.Photo(colour8, None, "PNG"), "PNG")
    assert str(caught.value) == "cannot be encoded as PNG; write PNG or TIFF instead"
