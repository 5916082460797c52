"""However a file says how its picture lies, the result is upright once, and says 1 wherever it says anything."""

import io
import struct

import numpy as np
import pytest
from file_makers import (
    chunk,
    exif_block,
    jpeg_with,
    png_with,
    raw_profile,
    saved,
    segment,
    tiff_file,
    upright_view,
    xmp,
    xmp_segment,
)
from PIL import Image, ImageOps, features

from deblurcli.images import encode_photo, read_photo
from deblurcli.images.exif import orientation_of

TYPES = {"BYTE": 1, "SHORT": 3, "LONG": 4, "SBYTE": 6, "SSHORT": 8, "SLONG": 9}
WRITTEN = ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"]
IN_XMP = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{}"'


def exif_of(orientation, kind=3, order=">"):
    return exif_block([(0x010F, 2, "Maker"), (0x0112, kind, orientation)], order)


def with_exif(pixels, block, format="JPEG", **options):
    return saved(pixels, format, exif=b"Exif\0\0" + block, **options)


def assert_upright(data, expected, near=0):
    """A file's pixels are `expected` as they are stored, and nothing in it turns them once more."""
    image = Image.open(io.BytesIO(data))
    stored = np.asarray(image.convert("RGB")).astype(int)
    shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    assert stored.shape == expected.shape and np.abs(stored - expected).mean() <= near
    np.testing.assert_array_equal(shown, stored)
    photo = read_photo(data)
    assert photo.pixels.shape == expected.shape
    assert not photo.metadata.exif or orientation_of(photo.metadata.exif) in (None, 1)
    assert b'Orientation="6"' not in data and b"Orientation>6" not in data


@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_an_orientation_of_any_integer_type_is_applied(colour8, kind, order, target):
    if target == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    photo = read_photo(with_exif(colour8, exif_of(6, TYPES[kind], order), quality=95))
    data, notes = encode_photo(photo, target)
    assert_upright(data, upright_view(colour8, 6), near=4)
    assert notes == photo.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_long_orientation_turns_as_a_short_one_does(colour8, orientation):
    photo = read_photo(png_with(colour8, chunk(b"eXIf", exif_of(orientation, 4))))
    np.testing.assert_array_equal(photo.pixels, upright_view(colour8, orientation))


@pytest.mark.parametrize("kind", [2, 5, 7])
def test_an_orientation_of_another_type_means_nothing_and_does_not_stay(colour8, kind):
    photo = read_photo(png_with(colour8, chunk(b"eXIf", exif_of([6, 0] if kind == 5 else b"6\0\0\0", kind))))
    np.testing.assert_array_equal(photo.pixels, colour8)
    assert orientation_of(photo.metadata.exif) == 1


@pytest.mark.parametrize("value", [0, 9, 70000])
def test_an_orientation_beyond_its_values_turns_nothing(colour8, value):
    photo = read_photo(png_with(colour8, chunk(b"eXIf", exif_of(value, 4))))
    np.testing.assert_array_equal(photo.pixels, colour8)
    assert orientation_of(photo.metadata.exif) == 1


@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_and_bigtiff_are_turned(colour16, big, order, kind):
    photo = read_photo(tiff_file(colour16, [(274, kind, 6), (315, 2, "Jane Roe")], order, big))
    np.testing.assert_array_equal(photo.pixels, upright_view(colour16, 6))
    data, notes = encode_photo(photo, "TIFF")
    again = read_photo(data)
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert orientation_of(again.metadata.exif) == 1 and b"Jane Roe" in again.metadata.exif
    assert notes == ()


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("name", ["exif", "APP1"])
@pytest.mark.parametrize("target", WRITTEN)
def test_exif_in_the_texts_of_a_png_counts(colour8, kind, name, target):
    if target == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    block = raw_profile(kind, name, b"Exif\0\0" + exif_of(6))
    photo = read_photo(png_with(colour8, block))
    np.testing.assert_array_equal(photo.pixels, upright_view(colour8, 6))
    data, notes = encode_photo(photo, target)
    assert_upright(data, upright_view(colour8, 6), near=4)
    assert b"Maker" in read_photo(data).metadata.exif and notes == ()


@pytest.mark.parametrize("kind", [3, 4])
def test_xmp_that_says_the_same_is_set_right_as_well(colour8, kind):
    data = jpeg_with(with_exif(colour8, exif_of(6, kind)), xmp_segment(xmp(IN_XMP.format(6))))
    photo = read_photo(data)
    assert b'tiff:Orientation="1"' in photo.metadata.xmp and photo.pixels.shape == (56, 40, 3)


def test_the_prefix_of_xmp_is_the_writer_s_choice(colour8):
    element = '<t:Orientation xmlns:t="http://ns.adobe.com/tiff/1.0/">6</t:Orientation>'
    data = jpeg_with(with_exif(colour8, exif_of(6)), xmp_segment(xmp("", element)))
    assert b">1</t:Orientation>" in read_photo(data).metadata.xmp


def test_exif_decides_against_xmp(colour8):
    data = jpeg_with(with_exif(colour8, exif_of(1)), xmp_segment(xmp(IN_XMP.format(8))))
    photo = read_photo(data)
    assert photo.pixels.shape == colour8.shape and b'tiff:Orientation="1"' in photo.metadata.xmp


def test_in_xmp_alone_it_is_left_as_it_is_for_viewers_differ(colour8):
    photo = read_photo(jpeg_with(saved(colour8), xmp_segment(xmp(IN_XMP.format(6)))))
    assert photo.pixels.shape == colour8.shape and b'tiff:Orientation="6"' in photo.metadata.xmp
    # In each viewer the result lies as its source does.
    again = read_photo(encode_photo(photo, "PNG")[0])
    assert again.pixels.shape == colour8.shape and b'tiff:Orientation="6"' in again.metadata.xmp


def test_recorded_sizes_change_places_with_a_quarter_turn(colour8):
    inner = [(0xA002, 3, 56), (0xA003, 4, 40)]
    resolution = [(0x011A, 5, [300, 1]), (0x011B, 5, [150, 1]), (0x0128, 3, 2)]
    block = exif_block([(0x0100, 3, 56), (0x0101, 3, 40), (0x0112, 3, 6), *resolution], exif=inner)
    sizes = 'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:PixelXDimension="56" exif:PixelYDimension="40"'
    photo = read_photo(jpeg_with(with_exif(colour8, block), xmp_segment(xmp(sizes))))
    seen = Image.Exif()
    seen.load(b"Exif\0\0" + photo.metadata.exif)
    assert (seen[0x0100], seen[0x0101], seen[0x011A], seen[0x011B]) == (40, 56, 150, 300)
    assert photo.metadata.dpi == (150, 300)
    assert (seen.get_ifd(0x8769)[0xA002], seen.get_ifd(0x8769)[0xA003]) == (40, 56)
    assert b'PixelXDimension="40" exif:PixelYDimension="56"' in photo.metadata.xmp


def test_avif_counts_its_own_property_and_keeps_the_block_as_it_is(colour8):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    block = exif_block([(0x010F, 2, "BjXXrn"), (0x0112, 3, 6)])
    data = with_exif(colour8, block, "AVIF", quality=95, subsampling="4:4:4")
    photo = read_photo(data.replace(b"BjXXrn", "Bjørn".encode()))  # which Pillow cannot write
    assert np.abs(photo.pixels.astype(int) - upright_view(colour8, 6)).mean() < 3
    assert "Bjørn".encode() in photo.metadata.exif and orientation_of(photo.metadata.exif) in (None, 1)


def test_a_damaged_block_still_says_how_the_picture_lies(colour8):
    block = b"MM\0*" + struct.pack(">IH", 8, 40) + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    photo = read_photo(jpeg_with(saved(colour8), segment(0xE1, b"Exif\0\0" + block)))
    assert photo.pixels.shape == (56, 40, 3) and any("EXIF" in note for note in photo.notes)
