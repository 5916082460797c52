"""Memory that is used again: tensors that come and go with every strip, without the system clearing pages for each.

A fresh tensor of some megabytes is memory that the system hands out page by page and fills with zeros, which takes
about as long as a thin layer's convolution.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

SMALL = 1 << 16  # floats; less than that the C library keeps at hand itself
LARGE = 1 << 22  # floats; larger blocks are not given away for much less
KEPT = 1 << 25  # floats in free blocks beside a new one, and in it


def pooled_empty(batch: int, channels: int, height: int, width: int) -> Tensor:
    """(N, C, h, W) float32, not initialised, channels innermost without gaps."""
    size = batch * channels * height * width
    return _memory(size).view(batch, height, width, channels).permute(0, 3, 1, 2)


def pooled_features(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Not initialised, of a shape and a number format, without gaps."""
    numbers = math.prod(shape)
    return _memory(-(-numbers * dtype.itemsize // 4)).view(dtype)[:numbers].view(*shape)


_of_thread = threading.local()


def _memory(size: int) -> Tensor:
    """So many floats, which come back to this thread's free blocks once no tensor lies in them any more."""
    if size < SMALL:
        return torch.empty(size)
    free: list[Tensor] | None = getattr(_of_thread, "free", None)
    if free is None:
        free = _of_thread.free = []
    block = _fitting(free, size)
    view = block.numpy()[:size]
    # The tensor below keeps this array alive, and so does everything that shares the tensor's memory. The last one may
    # be let go by another thread, which is why nothing more than this one append happens then.
    weakref.finalize(view, free.append, block).atexit = False
    return torch.from_numpy(view)


def _fitting(free: list[Tensor], size: int) -> Tensor:
    """Among the free blocks that fit, the one used last, which is most likely still in the cache; or a new one."""
    most = 2 * size if size < LARGE else size + size // 4
    for place in reversed(range(len(free))):
        if size <= free[place].numel() <= most:
            return free.pop(place)
    kept = sum(block.numel() for block in free)
    while kept and kept + size > KEPT:
        kept -= free.pop(0).numel()
    return torch.empty(size)
