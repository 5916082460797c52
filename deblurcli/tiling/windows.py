"""Overlapping windows that fade into each other: for networks that cannot be cut exactly.

A window's result near its edge lacks context, so it counts less there: along each axis weights fall to zero over the
overlap, and the weights of neighbours add up to one. Windows lie on a grid of the network's size multiple. Memory: one
row of windows' results, float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import until_done
from deblurcli.tiling.whole import restore_whole

OVERLAP = 4  # one part in so many of a window's side is shared with its neighbour


def window_side(budget: PixelBudget, multiple: int) -> int:
    """The side of the largest square window within the budget, a multiple of the network's; at least four of them."""
    return max(int(budget.pixels**0.5) // multiple, OVERLAP) * multiple


def window_starts(length: int, side: int, multiple: int) -> list[int]:
    """Where windows of a side begin along an axis of a length, both multiples of `multiple`: neighbours share at least
    a quarter of the side, and the last one ends where the image does."""
    if length <= side:
        return [0]
    stride = max((side - side // OVERLAP) // multiple, 1) * multiple
    return [*range(0, length - side, stride), length - side]


def axis_weights(starts: list[int], side: int) -> list[Tensor]:
    """Of each window, its weight at its places along an axis, (side,) float32; those of all windows add up to one.

    A weight falls linearly towards a neighbour, over what the two share. Where a third window lies over the same
    place (the last one may begin early), the sum is divided out.
    """
    end = starts[-1] + side
    total = torch.zeros(end)
    raw = []
    for index, start in enumerate(starts):
        weight = torch.ones(side)
        if index > 0:
            shared = starts[index - 1] + side - start
            weight[:shared] *= (torch.arange(shared) + 0.5) / shared
        if index + 1 < len(starts):
            shared = start + side - starts[index + 1]
            weight[side - shared :] *= ((torch.arange(shared) + 0.5) / shared).flip(0)
        raw.append(weight)
        total[start : start + side] += weight
    return [weight / total[start : start + side] for weight, start in zip(raw, starts, strict=True)]


@torch.inference_mode()
def restore_in_windows(
    network: Callable[[Tensor], list[Tensor]],
    device: torch.device,
    multiple: int,
    source: Source,
    emit: Emit,
    budget: PixelBudget,
    advance: Advance,
) -> None:
    """Restore an image: whole where it fits in the budget, else in overlapping windows.

    Args:
        network: (N, C, H, W) float32 -> its predictions, the last at full size.
        device: where the network is.
        multiple: both sides of what the network is given are multiples of it.
        source: the image.
        emit: takes finished rows, (N, C, h, W) float32. After memory ran out it is given all of the image again, made
            from smaller windows.
        budget: pixels of a window; made smaller when memory runs out.
        advance: told the share of the image that is done.

    Raises:
        MemoryError: if even the smallest windows do not fit.
    """
    if restore_whole(network, device, source, emit, budget, advance):
        return

    def step() -> bool:
        side = window_side(budget, multiple)
        Windows(network, device, source, min(side, source.height), min(side, source.width), multiple).run(emit, advance)
        return False

    until_done(budget, step)


class Windows:
    """One image in windows of one size."""

    def __init__(
        self,
        network: Callable[[Tensor], list[Tensor]],
        device: torch.device,
        source: Source,
        height: int,
        width: int,
        multiple: int,
    ) -> None:
        self.network, self.device, self.source = network, device, source
        self.height, self.width = height, width
        self.tops = window_starts(source.height, height, multiple)
        self.lefts = window_starts(source.width, width, multiple)
        self.row_weights = axis_weights(self.tops, height)
        self.column_weights = axis_weights(self.lefts, width)

    def run(self, emit: Emit, advance: Advance) -> None:
        waiting: Tensor | None = None  # rows that the next row of windows adds to
        for index, top in enumerate(self.tops):
            rows = self.row(index, advance)
            if waiting is not None:
                rows[:, :, : waiting.shape[2]] += waiting
            end = self.tops[index + 1] if index + 1 < len(self.tops) else top + self.height
            emit(top, 0, rows[:, :, : end - top])
            waiting = rows[:, :, end - top :].clone()

    def row(self, index: int, advance: Advance) -> Tensor:
        """A row of windows, weighted and added up: (N, C, window height, W) float32."""
        top, done = self.tops[index], index * len(self.lefts)
        rows: Tensor | None = None
        for left, weights in zip(self.lefts, self.column_weights, strict=True):
            image = self.source.read(top, top + self.height, left, left + self.width).to(self.device)
            result = self.network(image.contiguous(memory_format=torch.channels_last))[-1].float()
            if rows is None:
                rows = result.new_zeros(*result.shape[:3], self.source.width)
            rows[:, :, :, left : left + self.width] += result * weights.to(result)
            done += 1
            advance(done / (len(self.lefts) * len(self.tops)))
        assert rows is not None
        return rows * self.row_weights[index].to(rows)[:, None]
