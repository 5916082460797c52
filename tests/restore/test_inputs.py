"""Arrays of every byte order and kind, and PIL images of every mode, are restored as the command restores files."""

import io

import numpy as np
import pytest
from ink_profile import ink_profile
from PIL import Image, ImageCms

from deblurcli import Deblurrer
from deblurcli.images import read_photo

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("error")]


@pytest.fixture
def deblur(make_checkpoint):
    return Deblurrer(make_checkpoint(), "cpu", "fp32")


def picture(dtype=np.uint8, shape=(24, 40, 3)):
    values = np.random.default_rng(0).uniform(0.2, 0.8, shape)
    return (values * (np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1)).astype(dtype)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(24, 40), (24, 40, 3), (24, 40, 4)])
def test_either_byte_order(deblur, order, kind, shape):
    pixels = picture(np.dtype(kind).type, shape)
    foreign = pixels.astype(np.dtype(kind).newbyteorder(order))
    result = deblur(foreign)
    assert result.dtype == foreign.dtype
    np.testing.assert_array_equal(result, deblur(pixels))
    np.testing.assert_array_equal(deblur(foreign, strength=0), foreign)


@pytest.mark.parametrize("tta", [False, True])
def test_foreign_byte_order_with_views(make_checkpoint, tta):
    deblur = Deblurrer(make_checkpoint(), "cpu", "fp32", tta=tta)
    pixels = picture(np.uint16)
    np.testing.assert_array_equal(deblur(pixels.astype(">u2")), deblur(pixels))


def test_images_restored_together_keep_their_byte_order(deblur):
    pixels = picture(np.uint16)
    first, second = deblur.restore_alike([pixels.astype(">u2"), pixels.astype("<u2")])
    assert first.pixels.dtype == np.dtype(">u2") and second.pixels.dtype == np.dtype("<u2")
    np.testing.assert_array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("kind", ["u1", "<u2", ">u2", ">f4"])
def test_memory_maps(deblur, tmp_path, mode, kind):
    pixels = picture(np.dtype(kind).newbyteorder("=").type).astype(kind)
    np.save(tmp_path / "a.npy", pixels)
    mapped = np.load(tmp_path / "a.npy", mmap_mode=mode)
    for strength in (1.0, 0.0):
        result = deblur(mapped, strength)
        assert type(result) is np.ndarray and result.dtype == pixels.dtype and result.flags.writeable
        np.testing.assert_array_equal(result, deblur(pixels, strength))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), pixels)  # nothing was written into it


def test_views_that_are_not_contiguous(deblur):
    pixels = picture()
    for view in (pixels[:, ::-1], pixels[::2, ::2], pixels.transpose(1, 0, 2)):
        np.testing.assert_array_equal(deblur(view), deblur(np.ascontiguousarray(view)))


def test_pil_images_whose_colours_are_multiplied_by_their_alpha(deblur):
    plain = Image.fromarray(np.dstack([picture(shape=(24, 40)), np.full((24, 40), 200, np.uint8)]), "LA")
    result = deblur(plain.convert("La"))
    assert result.mode == "LA" and result.size == plain.size
    colour = Image.fromarray(np.dstack([picture(), np.full((24, 40), 200, np.uint8)]), "RGBA")
    assert deblur(colour.convert("RGBa")).mode == "RGBA"
    difference = np.asarray(deblur(plain.convert("La"))).astype(int) - np.asarray(deblur(plain)).astype(int)
    assert np.abs(difference).max() <= 3  # the rounding of the multiplication


def opened(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return Image.open(file), file.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
@pytest.mark.parametrize("icc", [None, ink_profile(), b"\0" * 200], ids=["none", "inks", "broken"])
def test_inks_become_rgb_as_the_command_makes_them(deblur, format, icc):
    image, data = opened(Image.fromarray(picture()).convert("CMYK"), format, **({"icc_profile": icc} if icc else {}))
    photo = read_photo(data)
    result = deblur(image)
    np.testing.assert_array_equal(np.asarray(result), deblur(photo.pixels))
    assert result.mode == "RGB" and (result.info.get("icc_profile") is None) == (photo.metadata.icc is None)
    plain = np.asarray(image.convert("RGB")).astype(int)
    assert (np.abs(photo.pixels - plain).mean() > 10) == (icc == ink_profile())


def test_lab_becomes_rgb_as_the_command_makes_it(deblur):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image, data = opened(ImageCms.profileToProfile(Image.fromarray(picture()), srgb, lab, outputMode="LAB"), "TIFF")
    result = deblur(image)
    np.testing.assert_array_equal(np.asarray(result), deblur(read_photo(data).pixels))
    # The source's profile would be a lie; the new one says what the colours are.
    assert result.info["icc_profile"][16:20] == b"RGB "
