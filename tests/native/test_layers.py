from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from exactness import psnr
from random_weights import weights

from deblurcli.native import library
from deblurcli.native.layers import Layer, prepare_layer, update_cell
from deblurcli.native.rows import rows_of_tensor


def pixels_first(x: torch.Tensor) -> torch.Tensor:
    """(C, H, W), the same values with channels innermost."""
    return x.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def convolve(
    layer: Layer, x: torch.Tensor, relu: bool = False, residual: torch.Tensor | None = None, leak: float = 0.0
) -> torch.Tensor:
    """A whole image (C, H, W) with zeros around."""
    stride = layer.stride
    above, below = layer.before, layer.kernel - stride - layer.before
    rows = rows_of_tensor(F.pad(x, (0, 0, above, below)).permute(1, 2, 0).contiguous().permute(2, 0, 1))
    out = torch.full((x.shape[1] // stride, x.shape[2] // stride, layer.channels[1]), torch.nan).permute(2, 0, 1)
    layer.run([rows], x.shape[2], out, relu, rows_of_tensor(residual) if residual is not None else None, leak)
    return out


def least(library_name: str, layer: Layer) -> float:
    """The PSNR in dB that a layer must reach: bfloat16 has eight binary digits, and the transforms use up some."""
    return 38 if layer.kind == "winograd" and library_name in library.BF16.values() else 100


CHANNELS = [(32, 32), (64, 64), (128, 128), (256, 512), (6, 32), (2, 32), (32, 3)]
SHAPES = [(1, 1), (1, 40), (5, 7), (8, 8), (14, 33)]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
def test_convolutions_are_those_of_torch(library_name, kernel, inputs, outputs):
    torch.manual_seed(0)
    weight, bias = weights(outputs, inputs, kernel)
    layer = prepare_layer(library_name, weight, bias, 1, kernel // 2, False)
    assert layer is not None
    for height, width in SHAPES:
        x, added = pixels_first(torch.randn(inputs, height, width)), pixels_first(torch.randn(outputs, height, width))
        wanted = F.conv2d(x.double()[None], weight.double(), bias.double(), padding=kernel // 2)[0]
        bar = least(library_name, layer)
        assert psnr(convolve(layer, x), wanted) > bar, (height, width)
        assert psnr(convolve(layer, x, relu=True, residual=added), wanted.relu() + added) > bar, (height, width)
        if layer.kind != "thin":
            assert psnr(convolve(layer, x, leak=0.1), F.leaky_relu(wanted, 0.1)) > bar, (height, width)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("inputs", "outputs"), [(32, 64), (64, 128)])
def test_strided_convolutions_are_those_of_torch(library_name, kernel, inputs, outputs):
    torch.manual_seed(0)
    weight, bias = weights(outputs, inputs, kernel)
    before = (kernel - 2) // 2
    layer = prepare_layer(library_name, weight, bias, 2, before, False)
    assert layer is not None
    for height, width in [(2, 2), (2, 50), (6, 24), (14, 62)]:
        x = pixels_first(torch.randn(inputs, height, width))
        padded = F.pad(x.double(), (before, kernel - 2 - before) * 2)
        wanted = F.conv2d(padded[None], weight.double(), bias.double(), 2)[0]
        assert psnr(convolve(layer, x), wanted) > least(library_name, layer)


@pytest.mark.parametrize(("inputs", "outputs"), [(128, 64), (64, 32)])
def test_transposed_convolutions_are_those_of_torch(library_name, inputs, outputs):
    torch.manual_seed(0)
    weight, bias = torch.randn(inputs, outputs, 4, 4) / inputs**0.5 / 2, torch.randn(outputs)
    layer = prepare_layer(library_name, weight, bias, 2, 1, True)
    assert layer is not None
    for height, width in [(1, 1), (1, 13), (5, 12), (7, 30)]:
        x, added = torch.randn(inputs, height, width), pixels_first(torch.randn(outputs, 2 * height, 2 * width))
        out = torch.full((2 * height, 2 * width, outputs), torch.nan).permute(2, 0, 1)
        rows = rows_of_tensor(pixels_first(F.pad(x, (0, 0, 1, 1))))
        layer.run([rows], width, out, True, rows_of_tensor(added))
        wanted = F.conv_transpose2d(x.double()[None], weight.double(), bias.double(), 2, 1)[0].relu() + added
        assert psnr(out, wanted) > least(library_name, layer)


def test_the_number_of_threads_does_not_change_a_bit(library_name):
    before = torch.get_num_threads()
    layer = prepare_layer(library_name, *weights(64, 64, 5), 1, 2, False)  # type: ignore[call-arg]
    assert layer is not None
    x = pixels_first(torch.randn(64, 41, 53))
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(convolve(layer, x))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(32, 32, 5), (6, 32, 3), (32, 3, 5)])
def test_a_value_that_is_no_number_stays_one(library_name, inputs, outputs, kernel):
    layer = prepare_layer(library_name, *weights(outputs, inputs, kernel), 1, kernel // 2, False)  # type: ignore[call-arg]
    assert layer is not None
    x = pixels_first(torch.randn(inputs, 24, 24))
    x[0, 12, 12] = torch.nan
    result = convolve(layer, x, relu=True)
    assert result[:, 12, 12].isnan().all()
    assert not result[:, 0, 0].isnan().any()


def test_channels_that_do_not_fit_are_left_to_torch(library_name):
    assert prepare_layer(library_name, *weights(6, 4, 3), 1, 1, False) is None  # type: ignore[call-arg]


def test_the_cell_is_updated_as_torch_does(library_name):
    torch.manual_seed(0)
    gates, cell = torch.randn(4 * 32, 5, 9) * 8, torch.randn(32, 5, 9)
    gates[:, 0, 0], gates[:, 0, 1] = 200, -200
    state, hidden = torch.empty(5, 9, 64).permute(2, 0, 1), torch.empty(5, 9, 32).permute(2, 0, 1)
    update_cell(library_name, pixels_first(gates), rows_of_tensor(pixels_first(cell)), state, hidden)
    i, j, f, o = gates.double().chunk(4)
    wanted = cell * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
    assert torch.allclose(state[:32].double(), wanted, atol=2e-6)
    assert torch.allclose(hidden.double(), torch.tanh(wanted) * torch.sigmoid(o), atol=2e-6)
    assert torch.equal(state[32:], hidden)
