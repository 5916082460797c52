"""Overlapping windows that fade into each other: for networks that cannot be cut exactly.

A window's result near its edge lacks context, so it counts less there: over what two neighbours share, the weight of
one goes over into that of the other smoothly, and all weights at a place add up to one. Windows lie on a grid of the
network's size multiple, all of one size, evenly over the image. Memory, beside the network's: one row of windows'
results, float32.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor

from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt, until_done
from deblurcli.tiling.whole import restore_whole

OVERLAP = 128  # pixels that neighbours share, at least,
SHARE = 4  # or one part in so many of a smaller window's side


def window_side(budget: PixelBudget, multiple: int) -> int:
    """The side of the largest square window within the budget, a multiple of the network's; at least four of them."""
    return max(isqrt(budget.pixels) // multiple, SHARE) * multiple


def axis_windows(length: int, side: int, multiple: int) -> tuple[int, list[int]]:
    """Windows along an axis: their length, and where they begin, all multiples of `multiple` as the axis's length is.

    As few of at most `side` as cover it while neighbours share at least `OVERLAP` pixels or a quarter of `side`, each
    as short as that allows, and evenly spread.
    """
    if length <= side:
        return length, [0]
    overlap = -(-min(side // SHARE, OVERLAP) // multiple) * multiple
    count = -(-(length - overlap) // (side - overlap))
    window = -(-(length + (count - 1) * overlap) // (count * multiple)) * multiple
    return window, [(length - window) * index // ((count - 1) * multiple) * multiple for index in range(count)]


def axis_weights(starts: list[int], side: int) -> list[Tensor]:
    """Of each window, its weight at its places along an axis, (side,) float32; those of all windows add up to one.

    A weight falls towards a neighbour as half a wave of a cosine, over what the two share. Where a third window lies
    over the same place the sum is divided out.
    """

    def rising(length: int) -> Tensor:
        places = (torch.arange(length, dtype=torch.float64) + 0.5) / length
        return (1 - (torch.pi * places).cos()) / 2

    total = torch.zeros(starts[-1] + side, dtype=torch.float64)
    raw = []
    for index, start in enumerate(starts):
        weight = torch.ones(side, dtype=torch.float64)
        if index > 0:
            shared = starts[index - 1] + side - start
            weight[:shared] *= rising(shared)
        if index + 1 < len(starts):
            shared = start + side - starts[index + 1]
            weight[side - shared :] *= rising(shared).flip(0)
        raw.append(weight)
        total[start : start + side] += weight
    return [(weight / total[start : start + side]).float() for weight, start in zip(raw, starts, strict=True)]


@torch.inference_mode()
def restore_in_windows(
    network: Callable[[Tensor], list[Tensor]],
    device: torch.device,
    multiple: int,
    source: Source,
    emit: Emit,
    budget: PixelBudget,
    advance: Advance,
    side: int | None = None,
) -> None:
    """Restore an image, in overlapping windows if it is large.

    Args:
        network: (N, C, H, W) float32 -> its predictions, the last at full size.
        device: where the network is.
        multiple: both sides of what the network is given are multiples of it.
        source: the image.
        emit: takes finished rows, (N, C, h, W) float32. After memory ran out it is given all of the image again if that
            is made from smaller windows.
        budget: pixels that are worked on at once; made smaller when memory runs out.
        advance: told the share of the image that is done, never less than before.
        side: of the windows of an image with more pixels than one of them, whatever more the budget has room for:
            several of them at a time. None for the whole image where it fits in the budget, and the largest windows
            that do elsewhere.

    Raises:
        MemoryError: if even the smallest windows do not fit.
    """
    one = side is None or source.height * source.width <= side * side
    if one and restore_whole(network, device, source, emit, budget, advance):
        return
    most = 0.0

    def further(share: float) -> None:
        nonlocal most
        most = max(most, share)  # smaller windows begin again
        advance(most)

    def step() -> bool:
        fitting = window_side(budget, multiple)
        longest = fitting if side is None else min(side, fitting)
        Windows(network, device, source, longest, multiple, budget).run(emit, further)
        return False

    until_done(budget, step)


class Windows:
    """One image in windows of one size.

    Args:
        longest: their side at most, a multiple of `multiple`.
        Others as for `restore_in_windows`.

    Attributes:
        height, width: of a window.
        tops, lefts: where they begin.
    """

    def __init__(
        self,
        network: Callable[[Tensor], list[Tensor]],
        device: torch.device,
        source: Source,
        longest: int,
        multiple: int,
        budget: PixelBudget,
    ) -> None:
        self.network, self.device, self.source, self.budget = network, device, source, budget
        self.height, self.tops = axis_windows(source.height, longest, multiple)
        self.width, self.lefts = axis_windows(source.width, longest, multiple)
        self.row_weights = axis_weights(self.tops, self.height)
        self.column_weights = axis_weights(self.lefts, self.width)

    def run(self, emit: Emit, advance: Advance) -> None:
        """Raises MemoryError if a single window does not fit."""
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
        top, done = self.tops[index], 0
        rows: Tensor | None = None
        while done < len(self.lefts):
            lefts = self.lefts[done : done + self.at_once()]
            results = self.results(top, lefts)
            if results is None:
                continue  # fewer of them now
            if rows is None:
                rows = results.new_zeros(len(results) // len(lefts), results.shape[1], self.height, self.source.width)
            for left, result in zip(lefts, results.chunk(len(lefts)), strict=True):
                weights = self.column_weights[done].to(result)
                rows[:, :, :, left : left + self.width] += result * weights
                done += 1
            advance((index * len(self.lefts) + done) / (len(self.lefts) * len(self.tops)))
        assert rows is not None
        return rows.mul_(self.row_weights[index].to(rows)[:, None])

    def at_once(self) -> int:
        """How many windows fit in the budget, or one."""
        return max(self.budget.pixels // (self.height * self.width), 1)

    def results(self, top: int, lefts: list[int]) -> Tensor | None:
        """Of some windows of a row, one after the other on the first axis; None if fewer of them have to be tried.

        Raises:
            MemoryError: if a single window does not fit.
        """

        def run() -> Tensor:
            images = [self.source.read(top, top + self.height, left, left + self.width) for left in lefts]
            x = torch.cat(images).to(self.device)
            return self.network(x.contiguous(memory_format=torch.channels_last))[-1].float()

        found = attempt(run)
        if found is not OUT_OF_MEMORY:
            return found
        while self.at_once() >= max(len(lefts), 2):
            if not self.budget.halve():
                raise MemoryError("not enough memory for the smallest tile of this image")
        if len(lefts) == 1:
            raise MemoryError("not enough memory for a window of this image")
        return None
