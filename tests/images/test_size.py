from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image, features

from deblurcli.images.size import pixels_of

SIZES = [(1, 1), (70, 50), (300, 7)]
FORMATS = [
    ("a.jpg", {}),
    ("a.jpg", {"progressive": True}),
    ("a.jpg", {"exif": b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0\0\0\0\0" + bytes(3000)}),
    ("a.png", {}),
    ("a.gif", {}),
    ("a.bmp", {}),
    ("a.tif", {}),
    ("a.webp", {}),
    ("a.webp", {"lossless": True}),
    ("a.webp", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
    ("a.avif", {}),
]


@pytest.mark.parametrize(("name", "options"), FORMATS)
def test_sizes_of_every_format(tmp_path, name, options):
    if name.endswith(("avif", "webp")) and not features.check(name[2:]):
        pytest.skip(f"this Pillow has no {name[2:]}")
    for width, height in SIZES:
        Image.new("RGB", (width, height), "red").save(tmp_path / name, **options)
        assert pixels_of(tmp_path / name) == width * height


@pytest.mark.parametrize(("byteorder", "bigtiff"), [("<", False), ("<", True), (">", False)])
def test_tiff_of_every_kind(tmp_path, byteorder, bigtiff):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((50, 70, 3), np.uint16), bigtiff=bigtiff, byteorder=byteorder, photometric="rgb"
    )
    assert pixels_of(tmp_path / "a.tif") == 3500


def test_heic(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (70, 50))).save(tmp_path / "a.heic")
    assert pixels_of(tmp_path / "a.heic") == 3500


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp", "a.gif"])
def test_damaged_files_tell_nothing_or_something_but_do_not_fail(tmp_path, name):
    Image.new("RGB", (70, 50)).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    random = np.random.default_rng(0)
    for length in [*range(0, 64, 3), len(data) // 2]:
        (tmp_path / name).write_bytes(data[:length] + random.bytes(20))
        assert pixels_of(tmp_path / name) is None or pixels_of(tmp_path / name) > 0


def test_what_is_no_file(tmp_path):
    assert pixels_of(tmp_path) is None
    assert pixels_of(tmp_path / "missing.jpg") is None
    assert pixels_of(tmp_path / "nul\0.jpg") is None
