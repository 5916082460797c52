"""An image in memory as the source of parts, and the parts joined again."""

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
    """The joined parts; NaN where nothing was emitted."""
    result = torch.full_like(source.image, float("nan"))

    def emit(top: int, left: int, part: torch.Tensor) -> None:
        assert part.dtype == torch.float32
        bottom, right = top + part.shape[2], left + part.shape[3]
        assert bottom <= source.height and right <= source.width
        result[:, :, top:bottom, left:right] = part

    restore(network, source, emit, size, lambda share: None)
    return result
