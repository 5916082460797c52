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
_LEAST_NOISE, _MOST_NOISE = 0.3, 2.0  # in 8-bit levels: coding alone changes so much; what changes more is motion
_CALMEST = 0.25  # share of a frame's blocks by which its noise is measured
_STILL, _MOVING = 0.12, 0.3  # share of a change that a shift explains
_ALIKE, _UNLIKE = 2.0, 3.0  # times the usual change
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
            still = self._stillness(moved, memory.source, memory.count)
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

    def _stillness(self, moved: np.ndarray, average: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Of every block, from 0, it moves, to 1, by the change of the source against its average: of every second
        pixel in both directions, all channels together."""
        change = _grey(moved[::2, ::2])
        sizes = _means(np.abs(change)) / np.sqrt(1 + 1 / count)  # the average has noise too
        usual = float(np.quantile(sizes, _CALMEST))
        usual = min(max(usual, _LEAST_NOISE * self._level), _MOST_NOISE * self._level)
        growth = _falling(sizes, _ALIKE * usual, _UNLIKE * usual)
        drift = _falling(np.abs(_means(change)), _ALIKE * usual, _UNLIKE * usual)
        shift = _falling(_explained(change, average), _STILL, _MOVING)
        # What moves reaches further than it is seen to.
        return _around(growth * drift * shift, np.minimum)

    def _share_of_own(self, moved: np.ndarray, changed: np.ndarray, kept: np.ndarray) -> float:
        """How much of its own change the network is left, 0 to 1: minimises the sum of (moved + share * changed)²."""
        weighed = changed * kept
        self._together = self._together * _FADING + float((moved * weighed).sum(dtype=np.float64))
        self._squares = self._squares * _FADING + float((changed * weighed).sum(dtype=np.float64))
        return min(max(-self._together / self._squares, 0.0), 1.0) if self._squares else 1.0


def _explained(change: np.ndarray, average: np.ndarray) -> np.ndarray:
    """Of every block, with those around it, the share of its change that a shift of the picture explains: least squares
    of Lucas and Kanade (An iterative image registration technique, IJCAI 1981)."""
    rows, columns = _grey(average[1::2, ::2]), _grey(average[::2, 1::2])
    down, across = np.zeros_like(change), np.zeros_like(change)
    down[1 : len(rows)] = rows[1:] - rows[:-1]
    across[:, 1 : columns.shape[1]] = columns[:, 1:] - columns[:, :-1]
    products = (down * down, down * across, across * across, down * change, across * change, change * change)
    yy, xy, xx, yt, xt, tt = (_around(_means(one), np.add) for one in products)
    fitted = xx * yt * yt - 2 * xy * yt * xt + yy * xt * xt
    share: np.ndarray = fitted / np.maximum((yy * xx - xy * xy) * tt, 1e-6)
    return share


def _grey(colours: np.ndarray) -> np.ndarray:
    grey: np.ndarray = (colours[..., 0] + colours[..., 1] + colours[..., 2]) / 3
    return grey


def _means(values: np.ndarray) -> np.ndarray:
    """(H, W) of every second pixel -> means of blocks; those at the right and lower edges may be smaller."""
    starts = [np.arange(0, side, _BLOCK // 2) for side in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    sizes = [np.diff(begin, append=side) for begin, side in zip(starts, values.shape, strict=True)]
    means: np.ndarray = sums / np.outer(*sizes).astype(np.float32)
    return means


def _falling(values: np.ndarray, first: float, last: float) -> np.ndarray:
    """1 up to `first`, 0 from `last` on."""
    weights: np.ndarray = ((last - values) / (last - first)).clip(0, 1)
    return weights


def _around(blocks: np.ndarray, together: np.ufunc) -> np.ndarray:
    """Each block together with its eight neighbours."""
    padded = np.pad(blocks, 1, mode="edge")
    rows = together(together(padded[:-2], padded[1:-1]), padded[2:])
    result: np.ndarray = together(together(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return result


def _spread(blocks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of blocks -> of pixels, (H, W), without steps between blocks."""
    height, width = (side * _BLOCK for side in blocks.shape)
    image = Image.fromarray(blocks.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)[: shape[0], : shape[1]]
