"""Overlapping windows that fade into each other: for networks that cannot be cut exactly.

A window's result near its edge lacks context, so it counts less there: over what two neighbours share, the weight of
one goes over into that of the other smoothly, and all weights at a place add up to one. Windows lie on a grid of the
network's size multiple, evenly over the image. Memory, beside the network's: one row of windows' results, float32.
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

Span = tuple[int, int]  # the first place along an axis, and the one after the last


def window_side(budget: PixelBudget, multiple: int) -> int:
    """The side of the largest square window within the budget, a multiple of the network's; at least four of them."""
    return max(isqrt(budget.pixels) // multiple, SHARE) * multiple


def axis_windows(length: int, side: int, multiple: int) -> list[Span]:
    """Where windows along an axis begin and end, all multiples of `multiple` as the axis's length is.

    As few of at most `side` as cover it while neighbours share `OVERLAP` pixels or a quarter of `side`, rounded up to
    the multiple; and about equally long: the first ones by one multiple longer than the others, where it has to be.
    """
    if length <= side:
        return [(0, length)]
    overlap = -(-min(side // SHARE, OVERLAP) // multiple) * multiple
    count = -(-(length - overlap) // (side - overlap))
    shorter, longer = divmod((length + (count - 1) * overlap) // multiple, count)
    windows, start = [], 0
    for index in range(count):
        end = start + (shorter + (index < longer)) * multiple
        windows.append((start, end))
        start = end - overlap
    return windows


def axis_weights(windows: list[Span]) -> list[Tensor]:
    """Of each window, its weight at its places along an axis, float32; those of all windows add up to one.

    A weight falls towards a neighbour as half a wave of a cosine, over what the two share. Where a third window lies
    over the same place the sum is divided out.
    """

    def rising(length: int) -> Tensor:
        places = (torch.arange(length, dtype=torch.float64) + 0.5) / length
        return (1 - (torch.pi * places).cos()) / 2

    total = torch.zeros(windows[-1][1], dtype=torch.float64)
    raw = []
    for index, (start, end) in enumerate(windows):
        weight = torch.ones(end - start, dtype=torch.float64)
        if index > 0:
            shared = windows[index - 1][1] - start
            weight[:shared] *= rising(shared)
        if index + 1 < len(windows):
            shared = end - windows[index + 1][0]
            weight[-shared:] *= rising(shared).flip(0)
        raw.append(weight)
        total[start:end] += weight
    return [(weight / total[start:end]).float() for weight, (start, end) in zip(raw, windows, strict=True)]


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
    """One image in windows.

    Args:
        longest: their side at most, a multiple of `multiple`.
        Others as for `restore_in_windows`.

    Attributes:
        rows, columns: where windows lie from the top down, and from left to right.
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
        self.rows = axis_windows(source.height, longest, multiple)
        self.columns = axis_windows(source.width, longest, multiple)
        self.row_weights, self.column_weights = axis_weights(self.rows), axis_weights(self.columns)

    def run(self, emit: Emit, advance: Advance) -> None:
        """Raises MemoryError if a single window does not fit."""
        waiting: Tensor | None = None  # what the next row of windows adds to
        for index, (top, bottom) in enumerate(self.rows):
            result = self.row(index, advance)
            if waiting is not None:
                result[:, :, : waiting.shape[2]] += waiting
            end = self.rows[index + 1][0] if index + 1 < len(self.rows) else bottom
            emit(top, 0, result[:, :, : end - top])
            waiting = result[:, :, end - top :].clone()

    def row(self, index: int, advance: Advance) -> Tensor:
        """A row of windows, weighted and added up: (N, C, window height, W) float32."""
        row, done = self.rows[index], 0
        total: Tensor | None = None
        while done < len(self.columns):
            columns = self.together(row, done)
            results = self.results(row, columns)
            if results is None:
                continue  # fewer of them now
            if total is None:
                n, height = len(results) // len(columns), row[1] - row[0]
                total = results.new_zeros(n, results.shape[1], height, self.source.width)
            for (left, right), result in zip(columns, results.chunk(len(columns)), strict=True):
                total[:, :, :, left:right] += result * self.column_weights[done].to(result)
                done += 1
            advance((index * len(self.columns) + done) / (len(self.columns) * len(self.rows)))
        assert total is not None
        return total.mul_(self.row_weights[index].to(total)[:, None])

    def together(self, row: Span, first: int) -> list[Span]:
        """The columns, from the first one on, of windows of one size that fit in the budget; or of one window."""
        left, right = self.columns[first]
        most = max(self.budget.pixels // ((row[1] - row[0]) * (right - left)), 1)
        return [column for column in self.columns[first : first + most] if column[1] - column[0] == right - left]

    def results(self, row: Span, columns: list[Span]) -> Tensor | None:
        """Of some windows of a row, one after the other on the first axis; None if fewer of them have to be tried.

        Raises:
            MemoryError: if a single window does not fit.
        """

        def run() -> Tensor:
            x = torch.cat([self.source.read(*row, *column) for column in columns]).to(self.device)
            return self.network(x.contiguous(memory_format=torch.channels_last))[-1].float()

        found = attempt(run)
        if found is not OUT_OF_MEMORY:
            return found
        first = self.columns.index(columns[0])
        while len(self.together(row, first)) >= max(len(columns), 2):
            if not self.budget.halve():
                raise MemoryError("not enough memory for the smallest tile of this image")
        if len(columns) == 1:
            raise MemoryError("not enough memory for a window of this image")
        return None
