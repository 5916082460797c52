"""TIFF files that leave out what every one should have, or say it oddly, are read as their writers meant them."""

import struct

import numpy as np
import pytest
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import encode_photo, read_photo

FORMATS = {1: "B", 3: "H", 4: "I"}


def tiff(samples, photometric, order="<", without=(), **tags):
    """An uncompressed TIFF of (H, W) or (H, W, S) samples, without some tags, and with others: `t338=(3, [2])`."""
    height, width, count = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    entries = {256: (3, [width]), 257: (3, [height]), 258: (3, [samples.itemsize * 8] * count), 259: (3, [1])}
    entries |= {262: (3, [photometric]), 273: (4, [8]), 277: (3, [count]), 278: (3, [height]), 279: (4, [len(data)])}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    kept = [(tag, *entries[tag]) for tag in sorted(entries) if tag not in without]
    at, listing, values = 8 + len(data) + len(data) % 2, b"", b""
    behind = at + 2 + 12 * len(kept) + 4
    for tag, kind, numbers in kept:
        value = struct.pack(f"{order}{len(numbers)}{FORMATS[kind]}", *numbers)
        listing += struct.pack(order + "HHI", tag, kind, len(numbers))
        listing += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", behind + len(values))
        values += b"" if len(value) <= 4 else value + b"\0" * (len(value) % 2)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return (head + data).ljust(at, b"\0") + struct.pack(order + "H", len(kept)) + listing + bytes(4) + values


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("without", [(258,), (262,), (258, 262), (278,), (259,), (279,), (258, 262, 278, 259)])
@pytest.mark.parametrize("kind", ["grey", "colour", "alpha"])
def test_what_is_left_out_is_taken_as_it_was_meant(colour8, order, without, kind):
    samples = {"grey": colour8[..., 0], "colour": colour8, "alpha": np.dstack([colour8, colour8[..., 1]])}[kind]
    extra = {"t338": (3, [2])} if kind == "alpha" else {}
    photo = read_photo(tiff(samples, 1 if kind == "grey" else 2, order, without, **extra))
    np.testing.assert_array_equal(photo.pixels, samples if kind == "grey" else colour8)
    assert (photo.alpha is not None) == (kind == "alpha") and photo.notes == ()


def test_sixteen_bits_are_told_by_the_bytes(colour16):
    for samples in (colour16, colour16[..., 0]):
        photo = read_photo(tiff(samples, 2 if samples.ndim == 3 else 1, without=(258,)))
        np.testing.assert_array_equal(photo.pixels, samples)


def test_other_tags_come_along(colour8):
    photo = read_photo(tiff(colour8, 2, ">", (258,), t274=(3, [6]), t282=(4, [1]), t271=(1, [*b"Maker\0"])))
    np.testing.assert_array_equal(photo.pixels, np.rot90(colour8, -1))
    assert b"Maker" in photo.metadata.exif


@pytest.mark.parametrize("mark", [1, 2, 4])
def test_the_only_page_is_the_picture_whatever_it_is_called(colour8, mark):
    np.testing.assert_array_equal(read_photo(tiff(colour8, 2, t254=(4, [mark]))).pixels, colour8)


def test_strips_of_no_rows_are_one(colour8):
    np.testing.assert_array_equal(read_photo(tiff(colour8, 2, t278=(3, [0]))).pixels, colour8)


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_map_of_8_bits_makes_8_bits(scale):
    colours = np.random.default_rng(0).integers(0, 256, (3, 256))
    samples = np.arange(40 * 56).reshape(40, 56).astype(np.uint8)
    photo = read_photo(tiff(samples, 3, t320=(3, (colours * scale).ravel().tolist())))
    np.testing.assert_array_equal(photo.pixels, colours.T[samples])
    assert photo.pixels.dtype == np.uint8


def test_a_map_of_16_bits_makes_16():
    colours = np.random.default_rng(0).integers(0, 65536, (3, 256))
    samples = np.dstack([np.arange(40 * 56).reshape(40, 56), np.full((40, 56), 99)]).astype(np.uint8)
    photo = read_photo(tiff(samples, 3, t320=(3, colours.ravel().tolist()), t338=(3, [2])))
    np.testing.assert_array_equal(photo.pixels, colours.T[samples[..., 0]])
    assert photo.pixels.dtype == photo.alpha.dtype == np.uint16 and (photo.alpha == 99 * 257).all()
    assert any("rounded" in note for note in encode_photo(photo, "JPEG")[1])


def test_sixteen_bits_of_inks_are_rounded_and_it_says_so(colour8):
    inks = np.array(Image.fromarray(colour8).convert("CMYK"))
    plain, wide = read_photo(tiff(inks, 5)), read_photo(tiff(inks.astype(np.uint16) * 257, 5))
    np.testing.assert_array_equal(plain.pixels, wide.pixels)
    assert any("16 bits" in note for note in wide.notes) and not any("16 bits" in note for note in plain.notes)


def test_other_inks_are_not_taken_for_cmyk(colour8):
    with pytest.raises(InputError, match="unusual kind of colours"):
        read_photo(tiff(np.dstack([colour8, colour8]), 5, t332=(3, [2])))
