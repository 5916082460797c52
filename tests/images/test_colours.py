"""Colours keep their meaning: by number, by a profile made of the numbers, or with a note; never in silence."""

import io
import struct
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from file_makers import by_numbers, chunk, exif_block, packed_grey_png, png_with, saved, skip_without, tiff_file, xmp
from PIL import Image, ImageCms

from deblurcli.images import Photo, encode_photo, read_photo
from deblurcli.images.photo import Cicp, Metadata

P3, PQ, HLG = Cicp(12, 13), Cicp(9, 16, 9), Cicp(9, 18, 9)
BY_NUMBER = ["AVIF", "HEIF", "PNG"]
BY_PROFILE = ["JPEG", "TIFF", "WEBP"]


def numbers_in(data):
    """Primaries and transfer that the file tells."""
    if data.startswith(b"\x89PNG"):
        at = data.index(b"cICP") + 4
        return data[at], data[at + 1]
    return struct.unpack_from(">HH", data, data.index(b"nclx") + 4)


def as_srgb(pixels, icc):
    """The pixels as a viewer with colour management shows them."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    shown = ImageCms.profileToProfile(Image.fromarray(pixels), profile, ImageCms.createProfile("sRGB"))
    return np.asarray(shown).astype(int)


@pytest.mark.parametrize("target", BY_NUMBER)
@pytest.mark.parametrize("format", BY_NUMBER)
@pytest.mark.parametrize("cicp", [P3, PQ, HLG, Cicp(9, 14, 9), Cicp(1, 8)], ids=str)
def test_numbers_stay_where_there_are_numbers(colour8, format, target, cicp):
    photo = read_photo(by_numbers(colour8, format, cicp))
    skip_without(target)
    data, notes = encode_photo(photo, target)
    assert numbers_in(data) == (cicp.primaries, cicp.transfer)
    assert photo.notes == notes == ()


@pytest.mark.parametrize("target", BY_PROFILE)
@pytest.mark.parametrize("format", BY_NUMBER)
def test_display_p3_becomes_a_profile_where_there_are_only_profiles(colour8, format, target):
    photo = read_photo(by_numbers(colour8, format, P3))
    data, notes = encode_photo(photo, target)
    icc = read_photo(data).metadata.icc
    assert notes == () and icc is not None
    # Pure red of Display P3 is beyond sRGB; a grey is the same in both.
    shown = as_srgb(np.array([[[200, 100, 100], [128, 128, 128]]], np.uint8), icc)
    assert shown[0, 0, 0] > 205 and np.abs(shown[0, 1] - 128).max() <= 1


def test_the_profile_of_display_p3_agrees_with_the_numbers_others_publish(colour8):
    icc = read_photo(encode_photo(read_photo(by_numbers(colour8, "PNG", P3)), "TIFF")[0]).metadata.icc
    columns = [ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.red_colorant[0], None]
    assert columns[0] == pytest.approx((0.5151, 0.2412, -0.0011), abs=2e-4)


@pytest.mark.parametrize("target", [*BY_PROFILE, "BMP"])
@pytest.mark.parametrize("format", BY_NUMBER)
@pytest.mark.parametrize(("cicp", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_hdr_is_named_in_a_note_where_it_cannot_be_said(colour8, format, target, cicp, name):
    _, notes = encode_photo(read_photo(by_numbers(colour8, format, cicp)), target)
    assert any(name in note and "colour space" in note for note in notes)


def test_bmp_names_the_colours_it_loses(colour8):
    _, notes = encode_photo(read_photo(by_numbers(colour8, "PNG", P3)), "BMP")
    assert any("Display P3" in note for note in notes)


def test_a_png_gets_a_profile_too_for_those_who_know_no_numbers(colour8):
    again = read_photo(encode_photo(read_photo(by_numbers(colour8, "PNG", P3)), "PNG")[0])
    assert again.metadata.cicp.primaries == 12 and again.metadata.icc is not None


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("target", [*BY_PROFILE, "AVIF"])
def test_gamma_and_primaries_of_a_png_become_a_profile(colour8, colour16, depth, target):
    skip_without(target)
    wide = struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)
    pixels = colour8 if depth == 8 else colour16
    data = png_with(pixels, chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"cHRM", wide))
    written, notes = encode_photo(read_photo(data), target)
    icc = read_photo(written).metadata.icc
    shown = as_srgb(np.full((1, 1, 3), 55, np.uint8), icc)
    assert np.abs(shown - 128).max() <= 3  # linear light of 55/255
    assert all("bits" in note for note in notes)


def test_grey_gets_a_grey_profile(colour8):
    data = png_with(colour8[..., 0], chunk(b"gAMA", struct.pack(">I", 100000)))
    icc = read_photo(encode_photo(read_photo(data), "JPEG")[0]).metadata.icc
    assert icc[16:20] == b"GRAY"
    shown = ImageCms.profileToProfile(
        Image.new("L", (1, 1), 55), io.BytesIO(icc), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert abs(shown.getpixel((0, 0))[0] - 128) <= 3  # type: ignore[index]


@pytest.mark.parametrize("value", [45455, 45000])
def test_the_gamma_that_every_png_has_is_no_news(colour8, value):
    data = png_with(colour8, chunk(b"gAMA", struct.pack(">I", value)))
    written, notes = encode_photo(read_photo(data), "JPEG")
    assert read_photo(written).metadata.icc is None and notes == ()


@pytest.mark.parametrize("value", [0, 1, 0xFFFFFFFF])
def test_a_gamma_that_means_nothing_is_ignored(colour8, value):
    written, _ = encode_photo(read_photo(png_with(colour8, chunk(b"gAMA", struct.pack(">I", value)))), "JPEG")
    assert read_photo(written).metadata.icc is None


def test_a_profile_counts_more_than_gamma(colour8, srgb):
    photo = read_photo(saved(colour8, "PNG", icc_profile=srgb))
    photo = Photo(photo.pixels, None, "PNG", Metadata(icc=srgb, png_chunks=((b"gAMA", struct.pack(">I", 100000)),)))
    assert read_photo(encode_photo(photo, "JPEG")[0]).metadata.icc == srgb


def test_light_levels_of_hdr_stay_in_png_and_are_told_elsewhere(colour8):
    light = chunk(b"cLLI", struct.pack(">II", 10_000_000, 2_000_000))
    photo = read_photo(png_with(colour8, chunk(b"cICP", bytes([9, 16, 0, 1])), light))
    assert light in encode_photo(photo, "PNG")[0]
    _, notes = encode_photo(photo, "JPEG")
    assert any("light levels" in note for note in notes)


# --- palettes and inks ---------------------------------------------------------------------------------------------


def palette_tiff(indexes, colours, bits=8, scale=257, extra=None):
    """A TIFF with a palette of `colours`, times `scale`."""
    table = [0] * (3 << bits)
    for number, colour in enumerate(colours):
        for channel in range(3):
            table[(channel << bits) + number] = colour[channel] * scale
    stored = indexes if bits == 8 else np.packbits(indexes.astype(bool), axis=1)
    layout = [(258, 3, bits), (262, 3, 3), (320, 3, table), (256, 4, indexes.shape[1]), (277, 3, 1)]
    layout += [(279, 4, stored.nbytes)]
    if extra is not None:
        stored = np.dstack([stored, extra])
        layout = [*layout[:4], (258, 3, [8, 8]), (277, 3, 2), (338, 3, 2), (279, 4, stored.nbytes)]
    return tiff_file(stored, layout=layout)


COLOURS = [(10, 20, 30), (200, 100, 50), (255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_palettes_of_8_and_of_16_bits(scale):
    indexes = (np.arange(40 * 56).reshape(40, 56) % 4).astype(np.uint8)
    photo = read_photo(palette_tiff(indexes, COLOURS, scale=scale))
    np.testing.assert_array_equal(photo.pixels, np.array(COLOURS, np.uint8)[indexes])
    assert any("palette" in note for note in photo.notes)


@pytest.mark.parametrize("scale", [1, 257])
def test_palettes_of_two_colours(scale):
    indexes = (np.arange(40 * 56).reshape(40, 56) % 3 % 2).astype(np.uint8)
    photo = read_photo(palette_tiff(indexes, COLOURS[:2], bits=1, scale=scale))
    np.testing.assert_array_equal(photo.pixels, np.array(COLOURS, np.uint8)[indexes])


def test_the_alpha_beside_a_palette():
    indexes = (np.arange(40 * 56).reshape(40, 56) % 4).astype(np.uint8)
    alpha = np.arange(40 * 56).reshape(40, 56).astype(np.uint8)
    photo = read_photo(palette_tiff(indexes, COLOURS, extra=alpha))
    np.testing.assert_array_equal(photo.alpha, alpha)
    np.testing.assert_array_equal(photo.pixels, np.array(COLOURS, np.uint8)[indexes])


@pytest.mark.parametrize(("extra", "word"), [([2], None), ([0], "extra channels"), ([0, 2], "extra channels")])
@pytest.mark.parametrize("photometric", [5, 2])
def test_alpha_and_spot_colours_beside_inks_and_rgb(colour8, extra, word, photometric):
    colours = 4 if photometric == 5 else 3
    alpha = colour8[..., 1]
    inks = np.dstack([colour8, colour8[..., 0]])[..., :colours]
    stored = np.dstack([inks, *(alpha if kind == 2 else colour8[..., 2] for kind in extra)])
    layout = [(262, 3, photometric), (258, 3, [8] * stored.shape[2]), (277, 3, stored.shape[2]), (338, 3, extra)]
    photo = read_photo(tiff_file(stored, layout=layout))
    if 2 in extra:
        np.testing.assert_array_equal(photo.alpha, alpha)
    else:
        assert photo.alpha is None
    assert any("extra channels" in note for note in photo.notes) == (word is not None)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_transparent_grey_of_a_png_of_few_bits(bits):
    values = (np.arange(12 * 17).reshape(12, 17) % (1 << bits)).astype(np.uint8)
    photo = read_photo(packed_grey_png(values, bits, chunk(b"tRNS", struct.pack(">H", 1))))
    np.testing.assert_array_equal(photo.pixels, values * (255 // ((1 << bits) - 1)))
    np.testing.assert_array_equal(photo.alpha, np.where(values == 1, 0, 255))
    again = read_photo(encode_photo(photo, "PNG")[0])
    np.testing.assert_array_equal(again.alpha, photo.alpha)


@pytest.mark.parametrize("planes", [3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_lossless_avif_stays_lossless(colour16, bits, planes):
    skip_without("AVIF")
    wide = np.dstack([colour16, colour16[..., 0]])[..., :planes] >> (16 - bits)
    samples = np.ascontiguousarray(wide.astype(np.uint8 if bits == 8 else np.uint16))
    photo = read_photo(imagecodecs.avif_encode(samples, level=100, bitspersample=bits, pixelformat="yuv444"))
    data, notes = encode_photo(photo, "AVIF")
    again = read_photo(data)
    assert notes == () and again.metadata.lossless and again.metadata.bits == bits
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    np.testing.assert_array_equal(again.alpha, photo.alpha)
    assert len(encode_photo(photo, "AVIF", 50)[0]) < len(data) / 2


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("planes", [1, 3, 4])
def test_ten_and_twelve_bits_of_avif_are_read(colour16, bits, planes):
    skip_without("AVIF")
    wide = np.dstack([colour16, colour16[..., 0]])[..., :planes] >> (16 - bits)
    wide = np.cumsum(wide, axis=1) // np.arange(1, 57)[None, :, None]  # smooth, but with all bits in use
    samples = wide.astype(np.uint16)[..., 0] if planes == 1 else wide.astype(np.uint16)
    photo = read_photo(imagecodecs.avif_encode(np.ascontiguousarray(samples), level=95, bitspersample=bits))
    most = (1 << bits) - 1
    seen = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    assert seen.dtype == np.uint16 and photo.metadata.bits == bits
    assert np.abs(seen / 65535 - samples / most).mean() < 0.02
    assert len(np.unique(seen)) > 256
    assert encode_photo(photo, "PNG")[1] == ()
    data, notes = encode_photo(photo, "AVIF")
    again = read_photo(data)
    assert notes == () and again.metadata.bits == bits
    assert again.pixels.shape == photo.pixels.shape and (again.alpha is None) == (photo.alpha is None)
    assert np.abs(again.pixels / 65535 - photo.pixels / 65535).mean() < 0.01
    assert (encode_photo(photo, "AVIF", 30)[1] != ()) == (planes == 1)  # grey is written without losses, and it says so


def test_sixteen_bits_become_twelve_in_avif_with_all_that_is_beside_them(colour16, srgb):
    skip_without("AVIF")
    described = Metadata(exif=exif_block([(0x010F, 2, "Maker of cameras")]), xmp=xmp(), icc=srgb, bits=16)
    for pixels in (colour16, colour16[..., 0]):
        own = described if pixels.ndim == 3 else replace(described, icc=None)
        for alpha in (None, colour16[..., 1]):
            data, notes = encode_photo(Photo(pixels, alpha, "PNG", own), "AVIF", 90)
            assert notes[0] == "AVIF is written with 12 bits a channel: reduced from 16"
            again = read_photo(data)
            assert (again.metadata.bits, again.pixels.shape[:2]) == (12, pixels.shape[:2])
            assert (again.metadata.exif, again.metadata.xmp, again.metadata.icc) == (own.exif, own.xmp, own.icc)
            assert np.abs(again.pixels.reshape(40, 56, -1) - pixels.reshape(40, 56, -1).astype(float)).mean() < 2000
            assert alpha is None or np.abs(again.alpha - alpha.astype(float)).max() < 17
            with Image.open(io.BytesIO(data)) as image:  # another program's view
                image.load()
                assert image.size == (56, 40)


def test_grey_avif_is_grey(colour8):
    skip_without("AVIF")
    photo = read_photo(encode_photo(Photo(colour8[..., 0], None, "PNG"), "AVIF")[0])
    assert photo.pixels.ndim == 2


@pytest.mark.parametrize("bits", [10, 12])
def test_the_bits_of_heic_stay(colour16, bits):
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    image = pillow_heif.from_bytes("RGB;16", (56, 40), colour16.tobytes())
    image.save(file, quality=90, chroma=444, bit_depth=bits)
    photo = read_photo(file.getvalue())
    if photo.metadata.bits != bits:
        pytest.skip("this pillow-heif writes 10 bits only")
    data, notes = encode_photo(photo, "HEIF")
    assert notes == () and read_photo(data).metadata.bits == bits
    assert encode_photo(photo, "JPEG")[1] == (f"JPEG has 8 bits a channel: rounded from {bits}",)
    assert "reduced from 16" in encode_photo(Photo(colour16, None, "PNG"), "HEIF")[1][0]
