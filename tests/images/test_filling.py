"""A WebP, AVIF or HEIC of which a stretch was lost and filled with one value is refused; flat pictures are not."""

import io

import numpy as np
import pytest
from PIL import Image, features

from deblurcli.errors import InputError
from deblurcli.images import read_photo


def encoded(pixels, format, **options):
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if format == "HEIF":
        pytest.importorskip("pillow_heif").from_pillow(image).save(file, **options)
    else:
        if not features.check(format.lower()):
            pytest.skip(f"this Pillow has no {format}")
        image.save(file, format, **options)
    return file.getvalue()


def noisy(size=(240, 320)):
    y, x = np.mgrid[: size[0], : size[1]]
    noise = np.random.default_rng(0).integers(0, 40, (*size, 4))
    return np.clip(np.stack([x % 200, y % 200, (x // 20 + y // 20) % 2 * 150, x % 250], -1) + noise, 0, 255).astype(
        np.uint8
    )


KINDS = [
    ("AVIF", b"mdat", {"quality": 80}),
    ("HEIF", b"mdat", {"quality": 80}),
    ("HEIF", b"mdat", {"quality": -1, "chroma": 444}),
    ("WEBP", b"VP8 ", {"quality": 80}),
]


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("planes", [3, 4])
@pytest.mark.parametrize(("format", "begin", "options"), KINDS)
def test_zeros_at_the_end(format, begin, options, planes, part):
    data = encoded(noisy()[..., :planes], format, **options)
    start = data.index(begin) + 8
    at = start + int((len(data) - start) * part)
    assert read_photo(data).format == format
    with pytest.raises(InputError, match="one value fills its place"):
        read_photo(data[:at] + bytes(len(data) - at))


@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"\xf6"])
@pytest.mark.parametrize(("format", "begin", "options"), KINDS[:3])
def test_a_lost_block(format, begin, options, filling):
    data = encoded(noisy()[..., :3], format, **options)
    at = (data.index(begin) + len(data)) // 2
    with pytest.raises(InputError, match="one value fills its place"):
        read_photo(data[:at] + filling * 512 + data[at + 512 :])


def test_a_few_zeros_in_heic():
    """No decoder would tell, and in HEVC there cannot be three."""
    data = encoded(noisy()[..., :3], "HEIF", quality=80)
    at = (data.index(b"mdat") + len(data)) // 2
    with pytest.raises(InputError, match="one value fills its place"):
        read_photo(data[:at] + bytes(8) + data[at + 8 :])


@pytest.mark.parametrize("rows", [(0, 0), (0, 100), (900, 1000)])
@pytest.mark.parametrize("options", [{}, {"quality": 20}, {"quality": 95}])
@pytest.mark.parametrize("format", ["AVIF", "HEIF", "WEBP"])
def test_flat_pictures_are_no_loss(format, options, rows):
    pixels = np.zeros((1000, 1400, 3), np.uint8)
    pixels[slice(*rows)] = np.random.default_rng(0).integers(0, 255, pixels[slice(*rows)].shape)
    extra = {"speed": 10} if format == "AVIF" else {}
    assert read_photo(encoded(pixels, format, **options, **extra)).pixels.shape == pixels.shape
