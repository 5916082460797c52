"""Ordinary photographs of every format and sample layout, read right."""

import io

import numpy as np
import png
import pytest
import tifffile
from PIL import Image, ImageCms, features

from deblurcli.images import read_photo


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png16(samples, **options):
    """A 16-bit PNG made by pypng, which shares no code with what reads it."""
    height, width = samples.shape[:2]
    planes = 1 if samples.ndim == 2 else samples.shape[2]
    file = io.BytesIO()
    writer = png.Writer(width, height, greyscale=planes < 3, alpha=planes in (2, 4), bitdepth=16, **options)
    writer.write_array(file, samples.reshape(-1).tolist()) if options.get("interlace") else writer.write(
        file, samples.reshape(height, -1).tolist()
    )
    return file.getvalue()


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_lossless_8_bit_colour_comes_back_exactly(tmp_path, colour8, format):
    path = tmp_path / "photo"
    Image.fromarray(colour8).save(path, format)
    photo = read_photo(path)
    assert photo.format == format and photo.alpha is None and photo.notes == ()
    assert photo.pixels.dtype == np.uint8
    np.testing.assert_array_equal(photo.pixels, colour8)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_grey_stays_grey(colour8, format):
    grey = colour8[..., 0]
    photo = read_photo(saved(Image.fromarray(grey), format))
    assert photo.pixels.shape == grey.shape
    assert np.abs(photo.pixels.astype(int) - grey).max() <= (4 if format == "JPEG" else 0)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_decode_to_what_pillow_sees(colour8, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    data = saved(Image.fromarray(colour8), format)
    photo = read_photo(data)
    assert photo.format == format
    np.testing.assert_array_equal(photo.pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("size", [(40, 56), (1, 1), (3, 2), (5, 9)])
def test_16_bit_png_keeps_all_bits(colour16, alpha16, planes, interlace, size, capfd):
    colours = colour16[: size[0], : size[1], : 1 if planes < 3 else 3]
    alpha = alpha16[: size[0], : size[1]] if planes in (2, 4) else None
    samples = colours if alpha is None else np.dstack([colours, alpha])
    photo = read_photo(png16(samples, interlace=interlace))
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, colours if planes >= 3 else colours[..., 0])
    if alpha is None:
        assert photo.alpha is None
    else:
        np.testing.assert_array_equal(photo.alpha, alpha)
    assert capfd.readouterr().err == ""


def test_the_transparent_colour_of_a_16_bit_png_becomes_alpha(colour16):
    key = tuple(int(value) for value in colour16[3, 4])
    photo = read_photo(png16(colour16, transparent=key))
    assert photo.alpha[3, 4] == 0
    assert (photo.alpha == 65535).sum() == photo.alpha.size - 1


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("planes", [3, 4])
def test_16_bit_tiff_keeps_all_bits(tmp_path, colour16, alpha16, compression, planar, planes):
    samples = colour16 if planes == 3 else np.dstack([colour16, alpha16])
    stored = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
    extra = {"extrasamples": ["unassalpha"]} if planes == 4 else {}
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, compression=compression, **extra)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.pixels, colour16)
    if planes == 4:
        np.testing.assert_array_equal(photo.alpha, alpha16)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_grey_tiff_of_either_byte_order(colour16, byteorder):
    file = io.BytesIO()
    tifffile.imwrite(file, colour16[..., 0], byteorder=byteorder, photometric="minisblack")
    photo = read_photo(file.getvalue())
    assert photo.pixels.dtype == np.dtype("uint16")
    np.testing.assert_array_equal(photo.pixels, colour16[..., 0])


def test_a_tiff_whose_zero_is_white_is_not_read_as_a_negative(colour8):
    file = io.BytesIO()
    tifffile.imwrite(file, 255 - colour8[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_photo(file.getvalue()).pixels, colour8[..., 0])


def test_premultiplied_tiff_colours_are_restored(colour8):
    opacity = np.full(colour8.shape[:2], 128, np.uint8)
    stored = np.dstack([np.rint(colour8 * (128 / 255)).astype(np.uint8), opacity])
    file = io.BytesIO()
    tifffile.imwrite(file, stored, photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(file.getvalue())
    assert np.abs(photo.pixels.astype(int) - colour8).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "YCbCr", "L"])
def test_jpeg_compressed_tiff(colour8, mode):
    data = saved(Image.fromarray(colour8).convert(mode), "TIFF", compression="jpeg")
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("L" if mode == "L" else "RGB"))
    assert np.abs(read_photo(data).pixels.astype(int) - shown).max() <= 2


@pytest.mark.parametrize("mode", ["P", "CMYK", "1"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_the_other_kinds_of_tiff_look_as_pillow_shows_them(colour8, mode, compression):
    data = saved(Image.fromarray(colour8).convert(mode), "TIFF", compression=compression)
    photo = read_photo(data)
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("L" if mode == "1" else "RGB"))
    np.testing.assert_array_equal(photo.pixels, shown)
    assert photo.notes


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_kept_apart(colour8, format):
    alpha = colour8[..., 1]
    data = saved(Image.fromarray(np.dstack([colour8, alpha])), format, lossless=True, exact=True)
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, colour8)
    np.testing.assert_array_equal(photo.alpha, alpha)


def test_a_palette_with_transparency_becomes_colour_and_alpha():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 0)
    photo = read_photo(saved(image, "PNG", transparency=0))
    assert photo.pixels[2, 2].tolist() == [200, 100, 50]
    assert photo.alpha[0, 0] == 0 and photo.alpha[2, 2] == 255
    assert any("palette" in note for note in photo.notes)


def test_a_still_gif_is_read_and_leaves_as_png(colour8):
    photo = read_photo(saved(Image.fromarray(colour8[..., 0]), "GIF"))
    assert photo.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, colour8[..., 0])  # grey, although a GIF has only palettes


def test_bilevel_becomes_grey_with_a_note():
    image = Image.new("1", (9, 5), 1)
    photo = read_photo(saved(image, "TIFF"))
    assert (photo.pixels == 255).all() and photo.pixels.shape == (5, 9)
    assert photo.notes


def test_cmyk_without_a_profile_is_converted_with_a_note(colour8):
    photo = read_photo(saved(Image.fromarray(colour8).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(photo.pixels.astype(int) - colour8).mean() < 6
    assert any("CMYK" in note for note in photo.notes)
    assert photo.metadata.jpeg is None


def test_lab_is_converted_to_the_same_colours(colour8):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    gentle = (colour8 // 2 + 64).astype(np.uint8)
    image = ImageCms.profileToProfile(Image.fromarray(gentle), srgb, lab, outputMode="LAB")
    photo = read_photo(saved(image, "TIFF"))
    assert np.abs(photo.pixels.astype(int) - gentle).mean() < 2  # 8-bit LAB is coarse
    assert photo.notes


def test_a_camera_jpeg_with_a_second_picture_is_an_ordinary_jpeg(colour8):
    first, second = Image.fromarray(colour8), Image.fromarray(colour8[::2, ::2])
    file = io.BytesIO()
    first.save(file, "MPO", save_all=True, append_images=[second], quality=95)
    assert Image.open(io.BytesIO(file.getvalue())).format == "MPO"
    photo = read_photo(file.getvalue())
    assert photo.format == "JPEG"
    assert photo.pixels.shape == colour8.shape
    assert photo.metadata.jpeg is not None


def test_a_tiff_with_a_preview_beside_the_picture_is_one_picture(colour16):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(colour16, photometric="rgb")
        writer.write((colour16[::4, ::4] >> 8).astype(np.uint8), photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_photo(file.getvalue()).pixels, colour16)


def test_the_content_counts_and_not_the_suffix(tmp_path, colour8):
    path = tmp_path / "photo.jpg"
    Image.fromarray(colour8).save(path, "PNG")
    photo = read_photo(path)
    assert photo.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, colour8)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_a_single_pixel_is_a_picture(format):
    photo = read_photo(saved(Image.new("RGB", (1, 1), (10, 200, 30)), format))
    assert photo.pixels.shape == (1, 1, 3)


@pytest.mark.parametrize("name", ["with space.png", "grün 写真.png", "two\nlines.png", "-dash.png"])
def test_odd_names_can_be_read(tmp_path, colour8, name):
    path = tmp_path / name
    Image.fromarray(colour8).save(path, "PNG")
    np.testing.assert_array_equal(read_photo(path).pixels, colour8)


def test_heic_keeps_more_than_8_bits_and_is_turned_once():
    pillow_heif = pytest.importorskip("pillow_heif")
    wide = (np.mgrid[0:32, 0:64][1] * 1000).astype(np.uint16)
    samples = np.ascontiguousarray(np.dstack([wide] * 3))
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 32), samples.tobytes()).save(file, quality=-1, chroma=444)
    photo = read_photo(file.getvalue())
    assert photo.format == "HEIF" and photo.pixels.shape == (32, 64, 3) and photo.pixels.dtype == np.uint16
    assert np.abs(photo.pixels.astype(int) - samples).max() <= 128
