from __future__ import annotations

import numpy as np
import pytest
import torch

from deblurcli.restore.pictures import Pictures, as_pixels, padded_index, quantise, stored, white

CPU = torch.device("cpu")


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9, 10, 16, 17, 33])
@pytest.mark.parametrize("multiple", [16, 64])
def test_padding_reflects_at_the_end_as_often_as_it_takes(length, multiple):
    row = np.arange(length)
    assert np.array_equal(row[padded_index(length, multiple, CPU)], np.pad(row, (0, -length % multiple), "reflect"))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 5, 3), (5, 1, 3), (1, 1, 3)])
def test_a_mirrored_axis_of_one_pixel(shape):
    """NumPy calls such an array contiguous, but its stride is negative."""
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for view in (pixels[::-1], pixels[:, ::-1]):
        assert np.array_equal(stored([np.ascontiguousarray(view)], CPU)[0].numpy(), view)


def test_a_region_is_cut_out_of_the_padded_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (21, 35, 3), np.uint8)
    picture = Pictures([pixels], 16, 3, CPU)
    assert (picture.height, picture.width) == (32, 48)
    padded = np.pad(pixels, ((0, 11), (0, 13), (0, 0)), mode="reflect") / np.float32(255)
    region = picture.read(15, 30, 20, 48)
    assert region.shape == (1, 3, 15, 28)
    assert np.allclose(region[0].permute(1, 2, 0).numpy(), padded[15:30, 20:48], atol=1e-7)
    assert torch.equal(picture.image(region)[0], region[0].permute(1, 2, 0))


@pytest.mark.parametrize(
    ("shape", "channels", "wanted"), [((16, 16), 1, (1, 1)), ((16, 16), 3, (1, 3)), ((16, 16, 3), 1, (3, 1))]
)
def test_grey_and_colour_in_both_kinds_of_network(shape, channels, wanted):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    others = pixels[::-1]
    picture = Pictures([pixels, others], 16, channels, CPU)
    region = picture.read(0, 16, 0, 16)
    assert region.shape[:2] == (2 * wanted[0], wanted[1])
    assert np.allclose(picture.image(region), [pixels, others], atol=1e-7)


def test_integers_are_rounded_and_clipped():
    values = torch.tensor([-0.5, 0.0, 0.49 / 255, 0.51 / 255, 254.51 / 255, 1.0, 7.0])
    assert quantise(values, np.dtype(np.uint8)).tolist() == [0, 0, 0, 1, 255, 255, 255]
    assert quantise(torch.tensor([2.0, -1.0, 0.25]), np.dtype(np.float32)).tolist() == [1, 0, 0.25]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_way_there_and_back(dtype):
    pixels = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(16, -1)
    picture = Pictures([pixels], 16, 1, CPU)
    values = quantise(picture.image(picture.read(0, 16, 0, pixels.shape[1])), pixels.dtype)
    assert torch.equal(values, stored([pixels], CPU))
    assert np.array_equal(as_pixels(values.numpy(), pixels.dtype)[0], pixels)


def test_white():
    assert [white(np.dtype(kind)) for kind in (np.uint8, np.uint16, np.float16)] == [255, 65535, 1]
