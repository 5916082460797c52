"""The spatially variant RNN: four linear recurrences over an image, each channel by itself.

h[t] = (1 - g[t]) x[t] + g[t] h[t - 1] from left to right, right to left, top to bottom and bottom to top, each with
gates g of its own. Source: Zhang et al., "Dynamic Scene Deblurring Using Spatially Variant Recurrent Neural Networks",
CVPR 2018, section 3; the recurrence is that of Liu, Pan, Yang, "Learning Recursive Filters for Low-Level Vision via a
Hybrid Neural Network", ECCV 2016.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from deblurcli.native import library, scan
from deblurcli.native.choice import library_for
from deblurcli.networks.mtcnn.recurrence import recurrence


class Direction(NamedTuple):
    """A way over the image.

    Attributes:
        axis: of (N, H, W, C): 2 along rows, 1 along columns.
        backwards: from the right or the bottom.
        gates: which quarter of the gates is its own.
    """

    axis: int
    backwards: bool
    gates: int


# In the order of the results' channels. That of the gates is another: across, down, and then both backwards.
DIRECTIONS = (Direction(2, False, 0), Direction(2, True, 2), Direction(1, False, 1), Direction(1, True, 3))


def quarter(features: Tensor, index: int) -> Tensor:
    """The channels of (N, H, W, 4C) that belong to one direction, (N, H, W, C)."""
    channels = features.shape[3] // 4
    return features[..., index * channels : (index + 1) * channels]


def scan_library(x: Tensor) -> str:
    """The name of the library that scans such features (N, H, W, C); "torch" where there is none.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    name = library_for(x.device, x.dtype) if x.dtype == torch.float32 else "torch"
    if name == "torch" or x.shape[3] % library.load_library(name).deblur_lanes():
        return "torch"
    return name


def run_direction(x: Tensor, gates: Tensor, way: Direction, to: Tensor, before: Tensor | None = None) -> None:
    """One recurrence, without gradients; (N, H, W, C) all, channels without gaps.

    Args:
        x: the features.
        gates: between -1 and 1, of the features' number format.
        way: the direction.
        to: what the result is written to.
        before: h before the first place, of length 1 along the axis; None for zeros.
    """
    name = scan_library(x)
    if name != "torch" and to.dtype == x.dtype:
        scan.scan(name, x, gates, to, way.axis, way.backwards, before)
        return
    x, gates = along(x, way), along(gates, way)
    h = recurrence(gates, x - gates * x, None if before is None else before.squeeze(way.axis))
    to.movedim(way.axis, 0).copy_(h.flip(0) if way.backwards else h)


def along(features: Tensor, way: Direction) -> Tensor:
    """(N, H, W, C) with the axis of a direction in front; where it goes backwards that is a copy turned round."""
    moved = features.movedim(way.axis, 0)
    return moved.flip(0) if way.backwards else moved


class FourWays(torch.autograd.Function):
    """All four directions with their gradients, on (N, H, W, C) and gates (N, H, W, 4C), both without gaps."""

    @staticmethod
    def forward(context: Any, x: Tensor, gates: Tensor) -> Tensor:
        """(N, H, W, 4C), the directions' results in the order of `DIRECTIONS`."""
        result = torch.empty_like(gates)
        for place, way in enumerate(DIRECTIONS):
            run_direction(x, quarter(gates, way.gates), way, quarter(result, place))
        context.save_for_backward(x, gates, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(context: Any, of_result: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of x and of the gates."""
        x, gates, result = context.saved_tensors
        of_result = of_result.contiguous()
        of_x, of_gates, name = torch.zeros_like(x), torch.empty_like(gates), scan_library(x)
        for place, way in enumerate(DIRECTIONS):
            own = x, quarter(gates, way.gates), quarter(result, place), quarter(of_result, place)
            if name == "torch":
                add_gradients(*own, of_x, quarter(of_gates, way.gates), way)
            else:
                scan.add_gradients(name, *own, of_x, quarter(of_gates, way.gates), way.axis, way.backwards)
        return of_x, of_gates


def add_gradients(
    x: Tensor, gates: Tensor, result: Tensor, of_result: Tensor, of_x: Tensor, of_gates: Tensor, way: Direction
) -> None:
    """As the library's, in PyTorch: what comes to h[t] is a recurrence from the end, with the gates of t + 1."""
    x, gates, result, of_result = (along(each, way) for each in (x, gates, result, of_result))
    nothing = torch.zeros_like(x[:1])
    of_h = recurrence(torch.cat([gates[1:], nothing]).flip(0), of_result.flip(0)).flip(0)
    previous = torch.cat([nothing, result[:-1]])
    from_x, from_gates = of_h - gates * of_h, of_h * (previous - x)
    if way.backwards:
        from_x, from_gates = from_x.flip(0), from_gates.flip(0)
    of_x.movedim(way.axis, 0).add_(from_x)
    of_gates.movedim(way.axis, 0).copy_(from_gates)


def four_ways(x: Tensor, gates: Tensor) -> Tensor:
    """The spatially variant RNN.

    Args:
        x: features (N, C, H, W).
        gates: (N, 4C, H, W), between -1 and 1: across, down, and both backwards.

    Returns:
        (N, 4C, H, W) in the precision of `x`, but computed in float32 at least: the results from left to right, from
        right to left, from top to bottom, from bottom to top.
    """
    precise = torch.promote_types(torch.promote_types(x.dtype, gates.dtype), torch.float32)
    inner = (each.permute(0, 2, 3, 1).to(precise).contiguous() for each in (x, gates))
    result: Tensor = FourWays.apply(*inner)  # type: ignore[no-untyped-call]
    return result.permute(0, 3, 1, 2).to(x.dtype)
