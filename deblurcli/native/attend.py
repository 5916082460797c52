"""Channel attention in the compiled library: the sums that it needs of its features, and its end."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from deblurcli.native import library
from deblurcli.native.layers import workers
from deblurcli.native.mixing import check_memory


class _Attending(ctypes.Structure):
    _fields_ = [
        ("to", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("attended", ctypes.c_void_p),
        ("shortcut", ctypes.c_void_p),
        ("factors", ctypes.c_void_p),
        ("images", ctypes.c_int64),
        ("pixels", ctypes.c_int64),
        ("channels", ctypes.c_int64),
    ]


class _Gathering(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
        ("floats", ctypes.c_int64),
        ("pixels", ctypes.c_int64),
        ("channels", ctypes.c_int64),
    ]


def attend(name: str, x: Tensor, attended: Tensor, factors: Tensor, shortcut: Tensor | None, to: Tensor) -> None:
    """x + attended * factors, + shortcut; contiguous features (N, H, W, C) of one number format.

    Args:
        name: of the library.
        factors: (N, ..., C), the same for all pixels of an image.
        to: may be `x`.
    """
    check_memory(x, attended, to, *(() if shortcut is None else (shortcut,)))
    factors = factors.float().contiguous()
    job = _Attending(
        to=to.data_ptr(),
        x=x.data_ptr(),
        attended=attended.data_ptr(),
        shortcut=None if shortcut is None else shortcut.data_ptr(),
        factors=factors.data_ptr(),
        images=x.shape[0],
        pixels=x.shape[1] * x.shape[2],
        channels=x.shape[3],
    )
    library.load_library(name).deblur_attend(ctypes.byref(job), ctypes.byref(workers(0)))


def gather(name: str, source: Tensor, to: Tensor | None = None) -> Tensor:
    """The sums (C,) float32 over all pixels of contiguous features (..., C).

    Args:
        name: of the library.
        source: the features, or with `to` float32.
        to: features that `source` is copied to.
    """
    check_memory(source)
    job = _Gathering(
        source=source.data_ptr(),
        to=None if to is None else to.data_ptr(),
        floats=to is not None,
        pixels=source.numel() // source.shape[-1],
        channels=source.shape[-1],
    )
    loaded = library.load_library(name)
    sums = torch.empty(loaded.deblur_gathered_pieces(ctypes.byref(job)), source.shape[-1])
    job.sums = sums.data_ptr()
    loaded.deblur_gather(ctypes.byref(job), ctypes.byref(workers(0)))
    return sums.sum(0)
