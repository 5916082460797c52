"""A result keeps what was done to the picture, however small the file that it came in."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from deblurcli.images import encode_photo, read_photo


@pytest.fixture
def photo_of_quality():
    """A blurred picture as a JPEG of a quality, read."""

    def make(quality, **options):
        y, x = np.mgrid[:160, :224]
        noise = np.random.default_rng(4).normal(0, 30, (160, 224))
        shapes = ((x // 13 + y // 17) % 2 * 90 + np.hypot(x - 90, y - 70) + noise).clip(0, 255)
        picture = Image.fromarray(np.dstack([shapes, shapes * 0.9 + 9, shapes * 0.8]).astype(np.uint8))
        file = io.BytesIO()
        picture.filter(ImageFilter.GaussianBlur(1.5)).save(file, "JPEG", quality=quality, **options)
        return read_photo(file.getvalue())

    return make


def sharpened(photo):
    image = Image.fromarray(photo.pixels).filter(ImageFilter.UnsharpMask(3, 120, 0))
    return replace(photo, pixels=np.asarray(image))


def left(photo, result, data):
    """The part of the change that is still there after compression."""
    change = result.pixels.astype(float) - photo.pixels
    return ((read_photo(data).pixels.astype(float) - photo.pixels) * change).sum() / (change**2).sum()


@pytest.mark.parametrize("quality", [1, 2, 10, 30, 50])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}], ids=str)
def test_a_low_quality_is_raised_and_told(photo_of_quality, quality, options):
    photo = photo_of_quality(quality, **options)
    result = sharpened(photo)
    data, notes = encode_photo(result, "JPEG")
    assert left(photo, result, data) > 0.9
    assert any("quality 75" in note and "--quality" in note for note in notes)


@pytest.mark.parametrize("quality", [65, 80, 95])
def test_a_fair_quality_stays(photo_of_quality, quality):
    photo = photo_of_quality(quality)
    data, notes = encode_photo(sharpened(photo), "JPEG")
    assert notes == ()
    tables = Image.open(io.BytesIO(data)).quantization.values()  # type: ignore[attr-defined]
    assert tuple(tuple(table) for table in tables) == photo.metadata.jpeg.tables


@pytest.mark.parametrize("quality", [5, 40, 90])
def test_the_user_decides(photo_of_quality, quality):
    data, notes = encode_photo(sharpened(photo_of_quality(10)), "JPEG", quality)
    assert notes == ()
    asked = io.BytesIO()
    Image.new("RGB", (8, 8)).save(asked, "JPEG", quality=quality, subsampling=0)
    assert Image.open(io.BytesIO(data)).quantization == Image.open(asked).quantization  # type: ignore[attr-defined]
