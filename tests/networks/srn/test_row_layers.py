from __future__ import annotations

import pytest
import torch
from torch import nn

from deblurcli.networks.srn.layers import Conv, ConvPair, Upsample
from deblurcli.networks.srn.row_layers import stream_of
from deblurcli.tiling.row_stream import RowQueue, RowStream


def in_pieces(layer: RowStream, image: torch.Tensor, heights: list[int]) -> torch.Tensor:
    """Feed rows of these heights, cyclically, until the image ends; the joined results."""
    results, top = [], 0
    while top < image.shape[2]:
        bottom = min(top + heights[len(results) % len(heights)], image.shape[2])
        results.append(layer.feed(image[:, :, top:bottom], bottom == image.shape[2]))
        top = bottom
    return torch.cat(results, 2)


LAYERS = {
    "conv 3": lambda: Conv(2, 3, 3),
    "conv 5": lambda: Conv(2, 3, 5),
    "conv 3, stride 2": lambda: Conv(2, 3, 3, 2),
    "conv 5, stride 2": lambda: Conv(2, 3, 5, 2),
    "upsampling": lambda: Upsample(2, 3),
    "residual": lambda: ConvPair(2, 5, "residual"),
    "plain": lambda: ConvPair(2, 3, "plain"),
    "identity": lambda: nn.Identity(),
    "sequence": lambda: nn.Sequential(Conv(2, 3, 5, 2), nn.ReLU(), ConvPair(3, 5, "residual"), Upsample(3, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("heights", [[1], [2], [3, 1], [4, 16], [24]])
@torch.inference_mode()
def test_pieces_of_any_height_make_the_whole(name, heights):
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    image = torch.randn(2, 2, 24, 8, dtype=torch.float64)
    assert torch.allclose(in_pieces(stream_of(layer), image, heights), layer(image), atol=1e-12, rtol=0)


@torch.inference_mode()
def test_the_image_may_be_lower_than_the_window():
    layer = Conv(2, 3, 5).double()
    image = torch.randn(1, 2, 2, 8, dtype=torch.float64)
    assert torch.allclose(in_pieces(stream_of(layer), image, [1]), layer(image), atol=1e-12, rtol=0)


@torch.inference_mode()
def test_a_push_leaves_the_rows_it_was_given_as_they_were():
    layer = stream_of(ConvPair(2, 3, "residual"))
    image = torch.randn(1, 2, 12, 8)
    before = image.clone()
    in_pieces(layer, image, [5])
    assert torch.equal(image, before)


def test_a_queue_gives_the_oldest_rows_first():
    queue = RowQueue()
    rows = torch.arange(6.0).reshape(1, 1, 6, 1)
    queue.feed(rows[:, :, :4])
    assert queue.take(3).flatten().tolist() == [0, 1, 2]
    queue.feed(rows[:, :, 4:])
    assert queue.take(3).flatten().tolist() == [3, 4, 5]


def test_layers_without_a_row_wise_form_are_named():
    with pytest.raises(TypeError, match="no row-wise form of BatchNorm2d"):
        stream_of(nn.BatchNorm2d(2))
