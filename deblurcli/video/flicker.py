"""Damping the flicker of what a network adds to a still scene.

Restored one by one, frames of a still scene differ by what the network makes of their noise, which may be more than the
noise itself. Where the source stands still, what is added is averaged over time, the picture itself never. How much of
the average is taken is measured: the network is left that share of its own changes which leaves the least change in the
result, so one that calms the noise is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

WARM_UP = 4  # frames of a group that are looked at before its first is damped
_BLOCK = 8  # pixels; a block is still or not as a whole
_MOST = 8.0  # frames that an average remembers
_LEAST_NOISE, _MOST_NOISE = 0.3, 4.0  # in 8-bit levels: coding alone changes so much; what changes more is motion
_CALMEST = 0.25  # share of a frame's blocks by which its noise is measured
_STILL, _MOVING = 3.0, 6.0  # by how many standard errors a block's mean has moved
_ALIKE, _UNLIKE = 1.3, 1.8  # how many times as much as by noise its samples have
_MEAN_SIZE = 0.798  # of a normal distribution, in standard deviations
_EACH = 4  # row that shares are measured by
_FADING = 0.9  # what a frame's measure counts for in the next

Pair = tuple[np.ndarray, np.ndarray]  # source and restored picture of a frame: (H, W, 3) RGB, uint8 or uint16


@dataclass
class _Memory:
    """Of the frames before: averages of the source and of what was added to it, (H, W, 3), and of how many frames in
    each block."""

    source: np.ndarray
    added: np.ndarray
    count: np.ndarray


class Damping:
    """Damps what is added to the frames of one group of pictures, one after the other.

    Args:
        white: the value of white, 255 or 65535.
    """

    def __init__(self, white: int) -> None:
        self._white, self._level = white, (white + 1) / 256
        self._memory: _Memory | None = None
        self._together = self._squares = 0.0

    def begin(self, first: Sequence[Pair | None]) -> None:
        """Learn what to expect from the first frames of a group, from the last of them back to the second: so its first
        one is no noisier than the others.

        Args:
            first: of each source and restored picture; None for one that is left as it is.
        """
        for pair in reversed(first[1:]):
            self.damped(pair)

    def damped(self, pair: Pair | None) -> np.ndarray | None:
        """The restored picture of the next frame, damped; None for None, after which nothing is remembered."""
        if pair is None:
            self._memory = None
            return None
        before, after = pair
        source = before.astype(np.float32)
        added = after - source
        memory = self._memory
        self._memory = None
        if not added.any() or min(source.shape[:2]) < 2:
            return after
        if memory is not None:
            moved, changed = source - memory.source, added - memory.added
            still = self._stillness(moved.mean(-1), memory.count)
        if memory is None or not still.any():
            blocks = [-(-side // _BLOCK) for side in source.shape[:2]]
            self._memory = _Memory(source, added, np.ones(blocks, np.float32))
            return after
        # A frame has its part in the average of a block that stands still, and is all of one that moves.
        kept = _spread(still * memory.count / (memory.count + 1), source.shape[:2])[..., None]
        own = self._share_of_own(moved[::_EACH], changed[::_EACH], kept[::_EACH])
        changed *= kept
        moved *= kept
        source -= moved
        added -= changed
        self._memory = _Memory(source, added, np.minimum(memory.count * still + 1, _MOST))
        changed *= own - 1
        changed += after
        result: np.ndarray = np.rint(changed, out=changed).clip(0, self._white, out=changed).astype(after.dtype)
        return result

    def _stillness(self, moved: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Of every block, from 0, it moves, to 1, by the change of the source's luma against its average."""
        fine = moved[:-1, :-1] - moved[1:, :-1] - moved[:-1, 1:] + moved[1:, 1:]
        spreads = np.sqrt(_means(np.square(fine, out=fine)) / 4)
        both = np.sqrt(1 + 1 / count)  # the average has noise too
        noise = float(np.quantile(spreads / both[: spreads.shape[0], : spreads.shape[1]], _CALMEST))
        expected = np.clip(noise, _LEAST_NOISE * self._level, _MOST_NOISE * self._level) * both
        drift = np.abs(_means(moved)) * _BLOCK / expected
        growth = _means(np.abs(moved)) / (_MEAN_SIZE * expected)
        return _least_around(_falling(drift, _STILL, _MOVING) * _falling(growth, _ALIKE, _UNLIKE))

    def _share_of_own(self, moved: np.ndarray, changed: np.ndarray, kept: np.ndarray) -> float:
        """How much of its own change the network is left, 0 to 1: minimises the sum of (moved + share * changed)²."""
        weighed = changed * kept
        self._together = self._together * _FADING + float((moved * weighed).sum(dtype=np.float64))
        self._squares = self._squares * _FADING + float((changed * weighed).sum(dtype=np.float64))
        return min(max(-self._together / self._squares, 0.0), 1.0) if self._squares else 1.0


def _means(values: np.ndarray) -> np.ndarray:
    """(H, W) -> means of blocks; those at the right and lower edges may be smaller."""
    starts = [np.arange(0, side, _BLOCK) for side in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    sizes = [np.diff(begin, append=side) for begin, side in zip(starts, values.shape, strict=True)]
    means: np.ndarray = sums / np.outer(*sizes).astype(np.float32)
    return means


def _falling(values: np.ndarray, first: float, last: float) -> np.ndarray:
    """1 up to `first`, 0 from `last` on."""
    weights: np.ndarray = ((last - values) / (last - first)).clip(0, 1)
    return weights


def _least_around(blocks: np.ndarray) -> np.ndarray:
    """The least of each block and its eight neighbours: what moves reaches further than it is seen to."""
    padded = np.pad(blocks, 1, mode="edge")
    rows = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    least: np.ndarray = np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return least


def _spread(blocks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of blocks -> of pixels, (H, W), without steps between blocks."""
    height, width = (side * _BLOCK for side in blocks.shape)
    image = Image.fromarray(blocks.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)[: shape[0], : shape[1]]
