"""Rectangles that cover an image, made smaller when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from deblurcli.networks.parts import Advance, PartSize, out_of_memory


class Region(NamedTuple):
    """A rectangle of the image, in its pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def widened(self, halo: int, within: Region) -> Region:
        return Region(
            max(self.top - halo, within.top),
            min(self.bottom + halo, within.bottom),
            max(self.left - halo, within.left),
            min(self.right + halo, within.right),
        )

    def halves(self, least: int, align: int) -> list[Region]:
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
        """This rectangle's view of features (N, C, h, w) of a level, whose first one is at the pixel `origin`."""
        top, left = origin
        rows = slice(self.top - top >> level, self.bottom - top >> level)
        return features[:, :, rows, self.left - left >> level : self.right - left >> level]


def for_each_part(
    whole: Region,
    halo: int,
    align: int,
    size: PartSize,
    scale: int,
    run: Callable[[Region, Region], None],
    advance: Advance,
) -> None:
    """Run every part of an image once, the one on top and to the left first.

    Args:
        whole: the image.
        halo: pixels on each side of a part that it needs beside its own.
        align: parts begin and end at multiples of this.
        size: of a part, with its halo; made smaller when memory runs out.
        scale: how many times larger than that a part may be.
        run: given a part without and with its halo; called again with a smaller part when memory runs out in it.
        advance: told the share of the image that is done.

    Raises:
        MemoryError: if even the smallest parts do not fit.
    """
    waiting, done = [whole], 0
    while waiting:
        inner = waiting.pop()
        outer = inner.widened(halo, whole)
        # Cut no further than to where the halo would make most of the work.
        if outer.area > size.pixels * scale and (halves := inner.halves(2 * halo, align)):
            waiting += reversed(halves)
            continue
        try:
            run(inner, outer)
        except (RuntimeError, MemoryError) as error:
            shrink(size, error)
            waiting.append(inner)
            continue
        done += inner.area
        advance(done / whole.area)


def shrink(size: PartSize, error: Exception) -> None:
    """Halve the parts if memory ran out.

    Raises:
        MemoryError: if they cannot get smaller.
        Exception: the error itself if it is another one.
    """
    if not out_of_memory(error):
        raise error
    if not size.halve():
        raise MemoryError("not enough memory for the smallest part of this image") from error
    torch.cuda.empty_cache()  # does nothing without CUDA
