"""Convolutions of every channel by itself in every compiled library, against PyTorch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from exactness import psnr
from torch import Tensor

from deblurcli.native import library
from deblurcli.native.depthwise import GatedDepthwise, prepare_depthwise
from deblurcli.native.mixing import panel


def gated(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same as the library's in PyTorch, (H, W, 2C) -> (H, W, C)."""
    first, second = F.conv2d(x.permute(2, 0, 1), weight, bias, padding=1, groups=len(bias)).chunk(2, 0)
    return (first * second).permute(1, 2, 0)


def whole(layer: GatedDepthwise, x: Tensor) -> Tensor:
    """All rows of the result for (H, W, 2C)."""
    to = x.new_empty(*x.shape[:2], x.shape[2] // 2)
    layer.run(x, 0, to)
    return to


def number_format(name: str) -> torch.dtype:
    return torch.bfloat16 if name in library.BF16.values() else torch.float32


@pytest.mark.parametrize("offset", [0, 3])
def test_it_is_that_of_torch(library_name: str, offset: int) -> None:
    torch.manual_seed(0)
    channels = 3 * panel(library_name)
    weight, bias = torch.randn(channels * 2, 1, 3, 3), torch.randn(channels * 2)
    layer = prepare_depthwise(library_name, weight, bias)
    for height, width in ((1, 1), (2, 3), (3, 4), (4, 5), (5, 9), (2, 70)):
        x = torch.empty(height * width * channels * 2 + offset, dtype=number_format(library_name))
        x = x[offset:].view(height, width, -1).normal_()
        wanted = gated(x.double(), weight.double(), bias.double())
        least = 45 if x.dtype == torch.bfloat16 else 120
        assert psnr(whole(layer, x), wanted) > least, (height, width)


def test_some_rows_are_those_of_the_whole(library_name: str) -> None:
    torch.manual_seed(0)
    channels = panel(library_name)
    layer = prepare_depthwise(library_name, torch.randn(channels * 2, 1, 3, 3), torch.randn(channels * 2))
    x = torch.randn(9, 11, channels * 2).to(number_format(library_name))
    wanted = whole(layer, x)
    for top, bottom in ((0, 3), (2, 3), (4, 9), (5, 5)):
        rows = wanted.new_full((bottom - top + 1, 11, channels), 7.0)
        layer.run(x, top, rows[:-1])
        assert torch.equal(rows[:-1], wanted[top:bottom])
        assert rows[-1].eq(7).all()


def test_numbers_that_are_none_and_the_smallest_and_largest(library_name: str) -> None:
    torch.manual_seed(0)
    channels = panel(library_name)
    weight, bias = torch.randn(channels * 2, 1, 3, 3), torch.zeros(channels * 2)
    layer, x = prepare_depthwise(library_name, weight, bias), torch.randn(7, 12, channels * 2)
    for place, value in ((0, torch.nan), (5, torch.inf), (11, -torch.inf)):
        x[3, place, place] = value
    x = x.to(number_format(library_name))
    assert torch.equal(whole(layer, x).isfinite(), gated(x.float(), weight, bias).isfinite())
    for scale in (1e-18, 1e15):
        x = (torch.randn(7, 12, channels * 2) * scale).to(number_format(library_name))
        wanted = gated(x.double(), weight.double(), bias.double())
        assert psnr(whole(layer, x) / scale / scale, wanted / scale / scale) > 45, scale


def test_features_with_gaps_are_refused(engine: str) -> None:
    channels = panel(engine)
    layer = prepare_depthwise(engine, torch.ones(channels * 2, 1, 3, 3), torch.zeros(channels * 2))
    with pytest.raises(ValueError, match="contiguous"):
        layer.run(torch.ones(4, 4, channels * 4)[..., ::2], 0, torch.ones(4, 4, channels))


def test_rows_that_are_not_there_are_refused(engine: str) -> None:
    channels = panel(engine)
    layer = prepare_depthwise(engine, torch.ones(channels * 2, 1, 3, 3), torch.zeros(channels * 2))
    for top, rows, width in ((-1, 2, 4), (3, 2, 4), (0, 2, 5)):
        with pytest.raises(ValueError, match="rows"):
            layer.run(torch.ones(4, 4, channels * 2), top, torch.ones(rows, width, channels))
