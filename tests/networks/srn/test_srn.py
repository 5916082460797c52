from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deblurcli.networks.srn.layers import Conv, ConvLSTM, ConvPair, Upsample
from deblurcli.networks.srn.network import ABLATIONS, RELEASED, SRN, SRNConfig, grow, shrink

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1)


def parameters(config: SRNConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in SRN(config).parameters())


def test_parameters_of_the_released_checkpoint():
    assert parameters(RELEASED["lstm"]) == 8_056_609


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("SS", 2.73),
        ("SC", 8.19),
        ("w/o R", 2.73),
        ("RNN", 3.02),  # the paper prints 3.03; the form that was inferred from it has 3,024,929
        ("SR-Flat", 2.66),
        ("SR-RB", 2.66),
        ("SR-ED", 3.76),
        ("SR-EDRB1", 2.21),
        ("SR-EDRB2", 2.99),
        ("SR-EDRB3", 3.76),
    ],
)
def test_parameters_of_the_papers_table_1(name, millions):
    assert parameters(ABLATIONS[name]) / 1e6 == pytest.approx(millions, abs=0.005)


def test_the_flat_network_has_as_many_convolutions_as_the_encoder_decoder():
    """43, as the paper has it, the one at the bottleneck included."""
    for name in ("SR-Flat", "SR-RB", "w/o R"):
        with torch.device("meta"):
            layers = [layer for layer in SRN(ABLATIONS[name]).modules() if isinstance(layer, (Conv, Upsample))]
        assert len(layers) == 43
        assert name == "w/o R" or {layer.stride for layer in layers} == {(1, 1)}


def test_scales_with_weights_of_their_own_are_each_restored_by_theirs(make_network):
    network = make_network(SRNConfig((4, 6, 8), 3, 1, recurrence="conv", shared=False))
    x = torch.rand(1, 3, 32, 32)
    before = network(x)
    with torch.no_grad():
        network.coarser[0].dec1[1].bias.add_(1)  # of the middle one
    coarse, middle, fine = network(x)
    assert torch.equal(coarse, before[0])
    assert torch.allclose(middle, before[1] + 1, atol=1e-5) and not torch.allclose(fine, before[2])


def test_parameters_of_the_released_colour_network():
    assert round(parameters(RELEASED["color"]) / 1e6, 2) == 6.88


@pytest.mark.parametrize("recurrence", ["convlstm", "rnn", "conv", "none"])
@pytest.mark.parametrize("scales", [1, 2, 3])
def test_predictions_come_coarsest_first(recurrence, scales):
    config = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, recurrence=recurrence, scales=scales)
    predictions = SRN(config)(torch.rand(2, 3, 32, 48))
    assert [tuple(each.shape) for each in predictions] == [
        (2, 3, 32 >> scale, 48 >> scale) for scale in reversed(range(scales))
    ]


@pytest.mark.parametrize(("scales", "multiple"), [(1, 4), (2, 8), (3, 16)])
def test_size_multiple(scales, multiple):
    assert SRNConfig(scales=scales).size_multiple == multiple


def test_global_residual_adds_the_blurry_image(make_network):
    network = make_network(SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, global_residual=True), last=0.0)
    x = torch.rand(1, 3, 32, 32)
    coarse, middle, fine = network(x)
    assert torch.equal(fine, x)
    assert torch.equal(middle, x[..., ::2, ::2])
    assert torch.equal(coarse, x[..., ::4, ::4])


def resize_by_definition(image: np.ndarray, out: tuple[int, int], half_pixel: bool) -> np.ndarray:
    """Bilinear, one pixel at a time: (C, h, w) -> (C, *out)."""
    _, h, w = image.shape
    result = np.empty((image.shape[0], *out))
    for row in range(out[0]):
        for column in range(out[1]):
            if half_pixel:
                y, x = (row + 0.5) * h / out[0] - 0.5, (column + 0.5) * w / out[1] - 0.5
            else:
                y, x = row * (h / out[0]), column * (w / out[1])
            y, x = max(y, 0.0), max(x, 0.0)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            fy, fx = y - top, x - left
            above = image[:, top, left] * (1 - fx) + image[:, top, right] * fx
            below = image[:, bottom, left] * (1 - fx) + image[:, bottom, right] * fx
            result[:, row, column] = above * (1 - fy) + below * fy
    return result


@pytest.mark.parametrize("convention", ["tensorflow", "area"])
@pytest.mark.parametrize("size", [(5, 7), (1, 4), (6, 1)])
def test_grow_follows_its_definition(convention, size):
    image = np.random.default_rng(0).random((2, *size))
    wanted = resize_by_definition(image, (2 * size[0], 2 * size[1]), half_pixel=convention == "area")
    assert np.allclose(grow(torch.from_numpy(image)[None], convention)[0].numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("factor", [2, 4])
def test_shrink_follows_its_definition(factor):
    image = np.random.default_rng(0).random((3, 16, 24))
    size = (16 // factor, 24 // factor)
    x = torch.from_numpy(image)[None]
    wanted = resize_by_definition(image, size, half_pixel=False)
    assert np.allclose(shrink(x, factor, "tensorflow")[0].numpy(), wanted, atol=1e-12)
    wanted = image.reshape(3, size[0], factor, size[1], factor).mean((2, 4))
    assert np.allclose(shrink(x, factor, "area")[0].numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_tensorflows(kernel, stride):
    layer = Conv(2, 3, kernel, stride).double().requires_grad_(False)
    image = np.random.default_rng(0).random((2, 8, 12))
    weight, bias = layer.weight.numpy(), layer.bias.numpy()
    height, width = -(-8 // stride), -(-12 // stride)
    before = [
        max((out - 1) * stride + kernel - side, 0) // 2 for out, side in ((height, 8), (width, 12))
    ]  # the smaller half
    wanted = np.tile(bias[:, None, None], (1, height, width))
    for row in range(height):
        for column in range(width):
            for dy in range(kernel):
                for dx in range(kernel):
                    y, x = row * stride + dy - before[0], column * stride + dx - before[1]
                    if 0 <= y < 8 and 0 <= x < 12:
                        wanted[:, row, column] += weight[:, :, dy, dx] @ image[:, y, x]
    assert np.allclose(layer(torch.from_numpy(image)[None])[0].numpy(), wanted, atol=1e-12)


def test_lstm_gates_come_in_the_order_i_j_f_o_with_a_forget_bias_of_one():
    i, j, f, o, c = (torch.full((1, 1, 1, 1), value) for value in (0.3, -0.7, 0.2, 1.1, 0.5))
    hidden, state = ConvLSTM.update(torch.cat([i, j, f, o], 1), c)
    cell = 0.5 / (1 + np.exp(-1.2)) + np.tanh(-0.7) / (1 + np.exp(-0.3))
    assert state[0, 0].item() == pytest.approx(cell, abs=1e-6)
    assert hidden.item() == pytest.approx(np.tanh(cell) / (1 + np.exp(-1.1)), abs=1e-6)
    assert torch.equal(state[:, 1:], hidden)


def test_the_plain_block_is_the_residual_one_without_its_shortcut():
    plain, residual = ConvPair(4, 3, "plain"), ConvPair(4, 3, "residual")
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(1, 4, 8, 8)
    assert torch.allclose(plain(x), F.relu(residual(x) - x), atol=1e-6)
