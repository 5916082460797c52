"""Features (H, W, C) at another resolution in the compiled library, rows at a time."""

from __future__ import annotations

import ctypes

from torch import Tensor

from deblurcli.native.mixing import check_memory, run_in_threads


class _Resizing(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("factor", ctypes.c_int64),
        ("up", ctypes.c_int64),
        ("top", ctypes.c_int64),
        ("rows", ctypes.c_int64),
    ]


def shrink(name: str, source: Tensor, factor: int, top: int, to: Tensor) -> None:
    """Features (H, W, C) at 1 / factor of their size: bilinear with antialiasing, a triangle filter.

    Args:
        name: of the library.
        source: contiguous features; both sides multiples of `factor`, which is even.
        top: the first row of the result that is wanted.
        to: contiguous, the rows of the result that are wanted.
    """
    resize(name, source, factor, top, to, up=False)


def add_grown(name: str, source: Tensor, factor: int, top: int, to: Tensor) -> None:
    """Adds features (H, W, C) at `factor` times their size to `to`: bilinear, half-pixel centres; as `shrink`."""
    resize(name, source, factor, top, to, up=True)


def resize(name: str, source: Tensor, factor: int, top: int, to: Tensor, up: bool) -> None:
    check_memory(source, to)
    height, width, channels = source.shape
    job = _Resizing(
        source=source.data_ptr(),
        to=to.data_ptr(),
        height=height,
        width=width,
        channels=channels,
        factor=factor,
        up=up,
        top=top,
        rows=len(to),
    )
    run_in_threads(name, "resize", job)
