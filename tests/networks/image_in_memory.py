"""An image in memory as the source of tiles, and the tiles put together again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from deblurcli.tiling.budget import PixelBudget


@dataclass
class Memory:
    """An image in memory that runs out of it at chosen reads.

    Attributes:
        image: (N, C, H, W).
        fails: numbers of the reads that raise, counted from 0.
        reads: (top, bottom, left, right) of every read that worked.
    """

    image: torch.Tensor
    fails: set[int] = field(default_factory=set)
    reads: list[tuple[int, int, int, int]] = field(default_factory=list)
    count: int = 0

    @property
    def height(self) -> int:
        return self.image.shape[2]

    @property
    def width(self) -> int:
        return self.image.shape[3]

    @property
    def largest(self) -> int:
        """Pixels of the largest read."""
        return max((bottom - top) * (right - left) for top, bottom, left, right in self.reads)

    def read(self, top: int, bottom: int, left: int, right: int) -> torch.Tensor:
        self.count += 1
        if self.count - 1 in self.fails:
            raise MemoryError
        self.reads.append((top, bottom, left, right))
        return self.image[:, :, top:bottom, left:right]


def joined(restore: Callable[..., None], network: torch.nn.Module, source: Memory, size: PixelBudget) -> torch.Tensor:
    """The tiles put together; NaN where nothing was emitted."""
    result = torch.full_like(source.image, float("nan"))

    def emit(top: int, left: int, tile: torch.Tensor) -> None:
        assert tile.dtype == torch.float32
        bottom, right = top + tile.shape[2], left + tile.shape[3]
        assert bottom <= source.height and right <= source.width
        result[:, :, top:bottom, left:right] = tile

    restore(network, source, emit, size, lambda share: None)
    return result
