"""Rectangles that cover an image, made smaller when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from deblurcli.tiling.budget import Advance, PixelBudget
from deblurcli.tiling.memory import until_done


class Tile(NamedTuple):
    """A rectangle of the image, in its pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """In pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def widened(self, halo: int, within: Tile) -> Tile:
        """With so many pixels more on each side, as far as the other rectangle goes."""
        return Tile(
            max(self.top - halo, within.top),
            min(self.bottom + halo, within.bottom),
            max(self.left - halo, within.left),
            min(self.right + halo, within.right),
        )

    def halves(self, least: int, align: int) -> list[Tile]:
        """Cut across the longer side, at a multiple of `align`; none if that would leave less than `least` of it."""
        height, width = self.bottom - self.top, self.right - self.left
        middle = max(height, width) // 2 // align * align
        if middle < max(least, align):
            return []
        if height >= width:
            cut = self.top + middle
            return [self._replace(bottom=cut), self._replace(top=cut)]
        cut = self.left + middle
        return [self._replace(right=cut), self._replace(left=cut)]

    def of(self, features: Tensor, level: int, origin: tuple[int, int] = (0, 0)) -> Tensor:
        """This rectangle's view of features (N, C, h, w) of a level, 1 / 2^level of the image's resolution, whose first
        one is at the pixel `origin` (row, column)."""
        top, left = origin
        rows = slice(self.top - top >> level, self.bottom - top >> level)
        return features[:, :, rows, self.left - left >> level : self.right - left >> level]


def for_each_tile(
    whole: Tile,
    halo: int,
    align: int,
    budget: PixelBudget,
    scale: int,
    run: Callable[[Tile, Tile], None],
    advance: Advance,
) -> None:
    """Run every tile of an image once, the one on top and to the left first.

    Args:
        whole: the image.
        halo: pixels on each side of a tile that it needs beside its own.
        align: tiles begin and end at multiples of this.
        budget: of a tile with its halo; made smaller when memory runs out.
        scale: how many times larger than that a tile may be.
        run: given a tile without and with its halo; called again with a smaller tile when memory runs out in it.
        advance: told the share of the image that is done.

    Raises:
        MemoryError: if even the smallest tiles do not fit.
    """
    waiting, done = [whole], 0

    def step() -> bool:
        nonlocal done
        inner = waiting[-1]
        outer = inner.widened(halo, whole)
        # Cut no further than to where the halo would make most of the work.
        if outer.area > budget.pixels * scale and (halves := inner.halves(2 * halo, align)):
            waiting[-1:] = reversed(halves)
            return True
        run(inner, outer)
        waiting.pop()
        done += inner.area
        advance(done / whole.area)
        return bool(waiting)

    until_done(budget, step)
