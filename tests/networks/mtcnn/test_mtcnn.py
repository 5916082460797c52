"""The multi-task CNN and SVRNN against the published tables of layers, written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scan_by_hand import four_ways_by_hand

from deblurcli.bench.speed.flop import network_flop
from deblurcli.networks.mtcnn.network import MultiTaskCNN, MultiTaskConfig

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("variant", "numbers"), [("multi-task", 9_195_875), ("svrnn", 9_227_027)])
def test_published_numbers_of_parameters(variant, numbers):
    with torch.device("meta"):
        network = MultiTaskCNN(MultiTaskConfig(variant=variant))
    assert sum(parameter.numel() for parameter in network.parameters()) == numbers


@pytest.mark.parametrize(("variant", "numbers"), [("multi-task", 745e9), ("svrnn", 756e9)])
def test_published_multiply_adds_of_an_image(variant, numbers):
    assert network_flop("mt-cnn", {"variant": variant}, 1280, 720) / 2 == pytest.approx(numbers, rel=0.001)


def by_hand(image: np.ndarray, w: dict[str, np.ndarray], variant: str) -> np.ndarray:
    """(C, H, W) -> the same shape."""

    def conv(x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        weight = w[f"{name}.weight"]
        size = weight.shape[2]
        padded = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))[:, ::stride, ::stride]
        return np.einsum("ocyx,chwyx->ohw", weight, windows) + w[f"{name}.bias"][:, None, None]

    def leaky(x: np.ndarray, slope: float = 0.1) -> np.ndarray:
        return np.where(x < 0, slope * x, x)

    def layer(x: np.ndarray, number: int) -> np.ndarray:
        """Of the CNN for the gates."""
        return leaky(conv(x, f"conv{number}"), 0 if variant == "svrnn" else 0.1)

    def down(x: np.ndarray) -> np.ndarray:
        return np.maximum.reduce([x[:, y::2, z::2] for y in range(2) for z in range(2)])

    def up(x: np.ndarray) -> np.ndarray:
        for axis in (1, 2):
            x = np.moveaxis(x, axis, 0)
            before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
            x = np.moveaxis(
                np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 1).reshape(-1, *x.shape[1:]), 0, axis
            )
        return x

    first = layer(image, 1)
    half = layer(layer(down(layer(first, 2)), 3), 4)
    sixth = layer(layer(down(half), 5), 6)
    eighth = layer(layer(layer(down(layer(sixth, 7)), 8), 9), 10)
    twelfth = layer(layer(np.concatenate([up(eighth), sixth]), 11), 12)
    wide = layer(np.concatenate([up(twelfth), half]), 13)
    gates = np.tanh(conv(wide, "conv14"))
    if variant == "svrnn":
        first = leaky(conv(image, "feature1"))
        features = conv(first, "feature2", stride=2)
    else:
        features = conv(wide, "conv15")
    x = features
    for number, own in enumerate(np.split(gates, 4), 16):
        x = leaky(conv(four_ways_by_hand(x, own), f"conv{number}"))
    x = leaky(conv(np.concatenate([x, features]), "conv20"))
    return conv(np.concatenate([up(x), first]), "conv21")


@pytest.mark.parametrize("residual", [False, True], ids=["as published", "global residual"])
@pytest.mark.parametrize("variant", ["multi-task", "svrnn"])
def test_the_network_follows_its_table(variant, residual):
    network = MultiTaskCNN(MultiTaskConfig(3, 4, variant, residual)).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    image = np.random.default_rng(0).random((3, 16, 40))
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    (found,) = network(torch.from_numpy(image)[None])
    wanted = by_hand(image, weights, variant) + residual * image
    np.testing.assert_allclose(found[0].numpy(), wanted, rtol=0, atol=1e-10)
    assert wanted.std() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [({"width": 0}, "width"), ({"features": 5}, "features even"), ({"variant": "lstm"}, "multi-task or svrnn")],
)
def test_settings_that_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskConfig(**change)
