"""Features of a whole image that are kept while tiles of them are worked on, one sweep after the other.

For networks that need to know something of the whole image, such as a mean, before they can go on: a sweep finds it,
the next one uses it. What is kept between them lies on the device, or in main memory once the device is full.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deblurcli.tiling.budget import Advance, PixelBudget
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt
from deblurcli.tiling.tiles import Tile, for_each_tile


class Sweeps:
    """The sweeps over one image.

    Args:
        whole: the image; both its sides are multiples of `align`.
        batch: images that are restored together.
        align: tiles begin and end at multiples of this.
        budget: pixels of a tile at full resolution.
        home: where features are kept, until there is no room.
        dtype: of the features.
        total: the units of work in all sweeps.
        advance: told the share of the work that is done.
    """

    def __init__(
        self,
        whole: Tile,
        batch: int,
        align: int,
        budget: PixelBudget,
        home: torch.device,
        dtype: torch.dtype,
        total: float,
        advance: Advance,
    ) -> None:
        self.whole, self.batch, self.align, self.budget = whole, batch, align, budget
        self.home, self.dtype = home, dtype
        self.total, self.advance = total, advance
        self.finished = 0.0

    def features(self, channels: int, level: int) -> Tensor:
        """Uninitialised (N, channels, H / 2^level, W / 2^level), in memory channels last.

        Raises:
            MemoryError: if they do not fit in main memory either.
        """
        shape = (self.batch, channels, self.whole.bottom >> level, self.whole.right >> level)

        def allocate() -> Tensor:
            return torch.empty(shape, device=self.home, dtype=self.dtype, memory_format=torch.channels_last)

        found = attempt(allocate)
        if found is OUT_OF_MEMORY and self.home.type != "cpu":
            self.home = torch.device("cpu")
            found = attempt(allocate)
        if found is OUT_OF_MEMORY:
            raise MemoryError("not enough memory for the features of this image")
        return found

    def each_tile(self, level: int, halo: int, run: Callable[[Tile, Tile], None], units: float) -> None:
        """Run tiles of features of a level that cover the image; they take `units` of all the work.

        A tile is as large as one of pixels that takes the same memory: 2^level times as much of the image.

        Args:
            level: of the features, 0 for full resolution.
            halo: pixels of the image on each side of a tile that it needs beside its own.
            run: given a tile without and with its halo; called again with a smaller tile when memory runs out in it.
            units: of the total that this sweep is.

        Raises:
            MemoryError: if even the smallest tiles do not fit.
        """

        def advance(share: float) -> None:
            self.advance((self.finished + units * share) / self.total)

        for_each_tile(self.whole, halo, self.align, self.budget, 1 << level, run, advance)
        self.finished += units


class Mean:
    """The mean of features that come in tiles."""

    def __init__(self) -> None:
        self.sum: Tensor | None = None
        self.count = 0

    def add(self, features: Tensor) -> None:
        """The next (N, C, h, w)."""
        # Added up on the CPU in double precision, which not every device has.
        precise = torch.promote_types(features.dtype, torch.float32)
        total = features.sum((2, 3), keepdim=True, dtype=precise).cpu().double()
        self.sum = total if self.sum is None else self.sum + total
        self.count += features.shape[2] * features.shape[3]

    def get(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """(N, C, 1, 1), of all that was added."""
        assert self.sum is not None
        return (self.sum / self.count).to(device, dtype)
