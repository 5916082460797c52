from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from deblurcli.restore.deblurrer import Deblurrer

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("error")]


@pytest.fixture
def deblur(make_checkpoint):
    return Deblurrer(make_checkpoint(), "cpu", "fp32")


@pytest.fixture
def grey_deblur(make_checkpoint):
    return Deblurrer(make_checkpoint(image_channels=1), "cpu", "fp32")


def picture(shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    """Noise between 0.2 and 0.8."""
    values = np.random.default_rng(7).uniform(0.2, 0.8, shape)
    return (values * (np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1)).astype(dtype)


def by_hand(deblurrer: Deblurrer, pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) float in [0, 1] through the network at once, padded by reflection."""
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="reflect")
    x = torch.from_numpy(padded.astype(np.float32)).permute(2, 0, 1)
    x = x[None] if deblurrer.network.config.image_channels == 3 else x[:, None]
    with torch.inference_mode():
        y = deblurrer.network(x)[-1]
    return y.reshape(3, *y.shape[2:]).permute(1, 2, 0)[:height, :width].clamp(0, 1).numpy()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(33, 41), (33, 41, 1), (33, 41, 2), (33, 41, 3), (33, 41, 4)])
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_come_back_as_they_are(make_checkpoint, dtype, shape, channels):
    image = picture(shape, dtype)
    before = image.copy()
    result = Deblurrer(make_checkpoint(image_channels=channels), "cpu", "fp32")(image)
    assert result.dtype == image.dtype and result.shape == image.shape
    assert np.array_equal(image, before)
    colour = shape[2] // 2 * 2 - 1 if shape[2:] in ((2,), (4,)) else None
    assert not np.array_equal(result[..., :colour], image[..., :colour])
    if colour:
        assert np.array_equal(result[..., -1], image[..., -1])


def test_integers_are_rounded(deblur):
    image = picture((32, 48, 3))
    assert np.array_equal(deblur(image), np.rint(by_hand(deblur, image / 255) * 255).astype(np.uint8))


def test_a_grey_network_restores_each_colour_alone(grey_deblur):
    image = picture((40, 56, 3))
    result = grey_deblur(image)
    for channel in range(3):
        assert np.array_equal(result[..., channel], grey_deblur(image[..., channel]))


def test_a_colour_network_on_grey_gives_the_mean_of_its_colours(deblur):
    image = picture((32, 48), np.float32)
    wanted = by_hand(deblur, np.repeat(image[..., None], 3, 2)).mean(2)
    assert np.allclose(deblur(image), wanted, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_strength_zero_is_the_input(deblur, dtype):
    image = picture((33, 41, 3), dtype)
    result = deblur(image, strength=0)
    assert np.array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_half_strength_is_half_way(deblur):
    image = picture((33, 41, 3), np.float32)
    assert np.allclose(deblur(image, strength=0.5), (image + deblur(image)) / 2, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_modes_that_come_back(deblur, mode):
    shape = {"L": (24, 40), "I;16": (24, 40)}.get(mode, (24, 40, len(mode)))
    image = Image.fromarray(picture(shape, np.uint16 if mode == "I;16" else np.uint8))
    assert image.mode == mode
    image.info["dpi"] = (72, 72)
    result = deblur(image)
    assert (result.mode, result.size, result.info) == (mode, image.size, {"dpi": (72, 72)})
    assert np.array_equal(np.asarray(result), deblur(np.asarray(image)))
    if mode.endswith("A"):
        assert result.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize(
    ("mode", "wanted"), [("1", "L"), ("P", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB"), ("PA", "RGBA")]
)
def test_pil_modes_that_are_converted(deblur, mode, wanted):
    image = Image.fromarray(picture((24, 40, 3)))
    image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    result = deblur(image)
    assert (result.mode, result.size) == (wanted, image.size)
    assert result.tobytes() == deblur(image.convert(wanted)).tobytes()


@pytest.mark.parametrize(("mode", "key", "wanted"), [("L", 0, "LA"), ("RGB", (0, 0, 0), "RGBA"), ("P", 0, "RGBA")])
def test_a_transparent_colour_becomes_alpha(deblur, mode, key, wanted):
    image = Image.new(mode, (20, 20))
    image.paste(1 if mode == "P" else (128,) * len(mode), (5, 5, 15, 15))
    image.info["transparency"] = key
    result = deblur(image)
    assert result.mode == wanted and "transparency" not in result.info
    alpha = np.asarray(result.getchannel("A"))
    assert alpha[10, 10] == 255 and alpha[0, 0] == 0


def test_big_endian_16_bit_pictures_keep_their_values(deblur):
    pixels = picture((24, 40), np.uint16)
    image = Image.frombytes("I;16B", (40, 24), pixels.astype(">u2").tobytes())
    assert np.array_equal(np.asarray(deblur(image)), deblur(pixels))


def test_a_cmyk_profile_is_not_kept_on_rgb(deblur):
    image = Image.new("CMYK", (16, 16), (10, 20, 30, 40))
    image.info["icc_profile"] = b"ink"
    assert "icc_profile" not in deblur(image).info


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pil_modes_without_a_range_are_refused(deblur, mode):
    with pytest.raises(TypeError, match=f"mode {mode}"):
        deblur(Image.new(mode, (16, 16)))


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.full((8, 8), np.nan, np.float32), ValueError),
        (np.full((8, 8), 1.01, np.float32), ValueError),
        (np.full((8, 8), -0.01), ValueError),
        (np.zeros((8, 8), np.int32), TypeError),
        (np.zeros((8, 8), bool), TypeError),
        (np.zeros((8, 8), np.uint32), TypeError),
        (np.zeros((8,), np.uint8), ValueError),
        (np.zeros((8, 8, 5), np.uint8), ValueError),
        (np.zeros((2, 8, 8, 3), np.uint8), ValueError),
        (np.zeros((0, 8, 3), np.uint8), ValueError),
        ("photo.jpg", TypeError),
        ([[1, 2], [3, 4]], TypeError),
    ],
)
def test_images_that_are_refused(deblur, image, error):
    with pytest.raises(error):
        deblur(image)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_that_are_refused(deblur, strength):
    with pytest.raises(ValueError, match="strength must be 0 to 1"):
        deblur(np.zeros((8, 8), np.uint8), strength=strength)


def test_read_only_and_strided_arrays(deblur):
    image = picture((32, 40, 3))
    image.flags.writeable = False
    wanted = deblur(image)
    assert np.array_equal(deblur(np.asfortranarray(image)), wanted)
    wide = np.repeat(image, 2, axis=1)
    assert np.array_equal(deblur(wide[:, ::2]), wanted)


def test_progress_ends_at_all(deblur):
    shares: list[float] = []
    deblur.restore(picture((40, 40)), advance=shares.append)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "features"),
    [((41, 33), (4, 6, 8)), ((33, 41, 3), (4, 6, 8)), ((97, 110, 3), (32, 32, 32))],  # the last one in native code
)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_alike_become_what_each_becomes_alone(make_checkpoint, dtype, shape, features, channels):
    deblur = Deblurrer(make_checkpoint(image_channels=channels, channels=features), "cpu", "fp32")
    images = [picture(shape, dtype), picture(shape, dtype)[::-1], picture(shape, dtype)[:, ::-1]]
    together = deblur.restore_alike(images, strength=0.9)
    level = 1 if np.dtype(dtype).kind == "u" else 1e-5
    for image, result in zip(images, together, strict=True):
        alone = deblur.restore(image, strength=0.9)
        assert result.pixels.dtype == dtype and result.pixels.shape == shape
        assert np.abs(result.pixels.astype(float) - alone.pixels).max() <= level
        assert result.kept == alone.kept == 0


def test_images_alike_in_parts_and_in_all_views(make_checkpoint):
    path = make_checkpoint()
    images = [picture((130, 90, 3)), picture((130, 90, 3))[::-1]]
    for options in ({"part_pixels": 1}, {"tta": True}):
        deblur = Deblurrer(path, "cpu", "fp32", **options)
        for image, result in zip(images, deblur.restore_alike(images), strict=True):
            assert np.abs(result.pixels.astype(int) - deblur.restore(image).pixels).max() <= 1


def test_images_that_are_not_alike_are_refused(deblur):
    for others in (picture((32, 48)), picture((48, 32, 3)), picture((32, 48, 3), np.uint16)):
        with pytest.raises(ValueError, match="one shape and type"):
            deblur.restore_alike([picture((32, 48, 3)), others])
    with pytest.raises(ValueError, match="one shape and type"):
        deblur.restore_alike([])


def test_a_failure_in_one_image_leaves_those_beside_it_alone(make_checkpoint):
    def explode(network):  # where red is white
        network.enc1[0].weight.zero_()
        network.enc1[0].weight[:, 0, 1, 1] = 1e30
        network.enc1[0].bias.fill_(-0.9e30)
        network.enc2[0].weight.fill_(1e30)

    deblur = Deblurrer(make_checkpoint(explode), "cpu", "fp32")
    images = [np.full((40, 50, 3), value, np.uint8) for value in (100, 255, 90)]
    kept = [result.kept for result in deblur.restore_alike(images)]
    assert kept == [deblur.restore(image).kept for image in images]
    assert kept[1] == 1 and kept[0] == kept[2] == 0
