from __future__ import annotations

import numpy as np
import pytest
import torch

from deblurcli.networks.nafnet.network import RELEASED, NAFBlock, NAFNet, NAFNetConfig, Pool

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = NAFNetConfig(3, (1, 2), 1, (1, 1))


def shapes(config: NAFNetConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in NAFNet(config).state_dict().items()}


# The released files hold this many bytes of float32, and a kilobyte or less of names and padding for each tensor.
@pytest.mark.parametrize(
    ("name", "numbers", "file_size"),
    [
        ("GoPro-width32", 17_111_907, 68_671_121),
        ("GoPro-width64", 67_888_835, 271_778_961),
        ("REDS-width64", 67_888_835, 271_756_689),
    ],
)
def test_parameters_of_the_released_files(name, numbers, file_size):
    found = shapes(RELEASED[name])
    assert sum(int(np.prod(shape)) for shape in found.values()) == numbers
    assert 0 < file_size - 4 * numbers < 1024 * len(found)


def test_names_and_shapes_of_the_released_files():
    found = shapes(RELEASED["GoPro-width32"])
    assert len(found) == 664
    for name, shape in {
        "intro.weight": (32, 3, 3, 3),
        "ending.bias": (3,),
        "encoders.0.0.conv1.weight": (64, 32, 1, 1),
        "encoders.3.27.conv2.weight": (512, 1, 3, 3),
        "encoders.3.27.sca.1.weight": (256, 256, 1, 1),
        "encoders.3.0.norm2.bias": (256,),
        "downs.3.weight": (512, 256, 2, 2),
        "middle_blks.0.beta": (1, 512, 1, 1),
        "middle_blks.0.conv4.weight": (1024, 512, 1, 1),
        "ups.0.0.weight": (1024, 512, 1, 1),
        "ups.3.0.weight": (128, 64, 1, 1),
        "decoders.0.0.gamma": (1, 256, 1, 1),
        "decoders.3.0.conv5.weight": (32, 32, 1, 1),
    }.items():
        assert found[name] == shape, name
    assert not any(name.startswith("ups") and name.endswith("bias") for name in found)


# The same in NumPy, from the paper's formulas; images are (C, H, W).
Weights = dict[str, np.ndarray]


def within(weights: Weights, prefix: str) -> Weights:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def pointwise(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    return np.einsum("oi,ihw->ohw", weight[:, :, 0, 0], x) + np.reshape(bias, (-1, 1, 1))


def around(x: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (3, 3, C, H, W), the neighbours of each pixel, zero outside."""
    _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return np.array([[padded[:, dy : dy + height, dx : dx + width] for dx in range(3)] for dy in range(3)])


def normalised(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - x.mean(0)
    deviation = np.sqrt((centred**2).mean(0) + 1e-6)
    return weight[:, None, None] * centred / deviation + bias[:, None, None]


def simple_gate(x: np.ndarray) -> np.ndarray:
    return x[: len(x) // 2] * x[len(x) // 2 :]


def means(x: np.ndarray, window: int) -> np.ndarray:
    """Mean over the whole image, or at each place over the window around it that lies within the image."""
    _, height, width = x.shape
    if not window or (window >= height and window >= width):
        return x.mean((1, 2), keepdims=True)
    tall, wide = min(window, height), min(window, width)
    result = np.empty_like(x)
    for row in range(height):
        for column in range(width):
            top = min(max(row - (window - 1) // 2, 0), height - tall) if tall < height else 0
            left = min(max(column - (window - 1) // 2, 0), width - wide) if wide < width else 0
            result[:, row, column] = x[:, top : top + tall, left : left + wide].mean((1, 2))
    return result


def block_by_hand(x: np.ndarray, w: Weights, window: int) -> np.ndarray:
    y = pointwise(normalised(x, w["norm1.weight"], w["norm1.bias"]), w["conv1.weight"], w["conv1.bias"])
    y = np.einsum("cyx,yxchw->chw", w["conv2.weight"][:, 0], around(y)) + w["conv2.bias"][:, None, None]
    y = simple_gate(y)
    y = y * pointwise(means(y, window), w["sca.1.weight"], w["sca.1.bias"])
    x = x + w["beta"][0] * pointwise(y, w["conv3.weight"], w["conv3.bias"])
    y = pointwise(normalised(x, w["norm2.weight"], w["norm2.bias"]), w["conv4.weight"], w["conv4.bias"])
    return x + w["gamma"][0] * pointwise(simple_gate(y), w["conv5.weight"], w["conv5.bias"])


def network_by_hand(image: np.ndarray, w: Weights, config: NAFNetConfig) -> np.ndarray:
    def blocks(x: np.ndarray, prefix: str, count: int, level: int) -> np.ndarray:
        for number in range(count):
            x = block_by_hand(x, within(w, f"{prefix}.{number}."), config.window >> level)
        return x

    def conv(x: np.ndarray, name: str) -> np.ndarray:
        return np.einsum("ocyx,yxchw->ohw", w[f"{name}.weight"], around(x)) + w[f"{name}.bias"][:, None, None]

    depth = len(config.encoder_blocks)
    x = conv(image, "intro")
    skips = []
    for level, count in enumerate(config.encoder_blocks):
        x = blocks(x, f"encoders.{level}", count, level)
        skips.append(x)
        squares = np.array([[x[:, dy::2, dx::2] for dx in range(2)] for dy in range(2)])
        x = np.einsum("ocyx,yxchw->ohw", w[f"downs.{level}.weight"], squares) + w[f"downs.{level}.bias"][:, None, None]
    x = blocks(x, "middle_blks", config.middle_blocks, depth)
    for step, count in enumerate(config.decoder_blocks):
        wide = pointwise(x, w[f"ups.{step}.0.weight"])
        x = np.empty((len(wide) // 4, 2 * wide.shape[1], 2 * wide.shape[2]))
        for place in range(4):  # four channels become the four pixels of a square, row by row
            x[:, place // 2 :: 2, place % 2 :: 2] = wide[place::4]
        x = blocks(x + skips[depth - 1 - step], f"decoders.{step}", count, depth - 1 - step)
    return conv(x, "ending") + image


@pytest.mark.parametrize("window", [0, 3, 4, 9, 100])
def test_a_block_follows_its_formulas(make_nafnet, window):
    block = NAFBlock(5, window).double()
    block.load_state_dict(make_nafnet(NAFNetConfig(5, (1,), 1, (1,))).encoders[0][0].state_dict())
    x = np.random.default_rng(0).normal(size=(5, 7, 12))
    weights = {key: value.numpy() for key, value in block.state_dict().items()}
    found = block(torch.from_numpy(x)[None])[0].detach().numpy()
    assert np.allclose(found, block_by_hand(x, weights, window), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        NAFNetConfig(2, (1, 1, 1, 2), 1, (1, 1, 1, 1)),
        NAFNetConfig(4, (2,), 0, (1,), image_channels=1),
        NAFNetConfig(3, (1, 1), 1, (1, 1), window=10),
    ],
    ids=["tiny", "four levels", "grey", "windows"],
)
def test_the_network_follows_its_formulas(make_nafnet, config):
    network = make_nafnet(config).double()
    image = np.random.default_rng(0).random((config.image_channels, 16, 32))
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    (found,) = network(torch.from_numpy(image)[None])
    wanted = network_by_hand(image, weights, config)
    assert np.allclose(found[0].numpy(), wanted, atol=1e-12, rtol=0)
    assert np.abs(wanted - image).max() > 0.1


def test_a_fresh_block_passes_its_input_on():
    x = torch.rand(1, 4, 6, 6)
    assert torch.equal(NAFBlock(4, 0)(x), x)


def test_windows_as_large_as_the_image_are_the_whole_image():
    x = torch.rand(1, 2, 8, 12)
    assert torch.equal(Pool(12)(x), Pool(0)(x))
    assert Pool(11)(x).shape == x.shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_blocks": (1,), "decoder_blocks": (1, 1)}, "same number of levels"),
        ({"encoder_blocks": (), "decoder_blocks": ()}, "1 to 6"),
        ({"encoder_blocks": (1,) * 7, "decoder_blocks": (1,) * 7}, "1 to 6"),
        ({"image_channels": 4}, "image_channels"),
        ({"width": 0}, "width"),
        ({"window": 15}, "at least 16"),
    ],
)
def test_settings_that_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        NAFNetConfig(**change)
