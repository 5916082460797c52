"""Linear recurrences along the rows or columns of an image in the compiled library, with their gradients.

h[t] = (1 - g[t]) x[t] + g[t] h[t - 1] for every channel by itself, in one pass over memory. Results are the same to the
bit on any number of threads, and however an image is cut where the rest is given what came before.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from deblurcli.native import library
from deblurcli.native.layers import workers

ROWS, COLUMNS = 4, 32  # that go on together


class _Lines(ctypes.Structure):
    _fields_ = [
        ("first", ctypes.c_void_p),
        ("along", ctypes.c_int64),
        ("across", ctypes.c_int64),
        ("image", ctypes.c_int64),
    ]


class _Scan(ctypes.Structure):
    _fields_ = [
        ("x", _Lines),
        ("gates", _Lines),
        ("out", _Lines),
        ("before", _Lines),
        ("length", ctypes.c_int64),
        ("lines", ctypes.c_int64),
        ("images", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("block", ctypes.c_int64),
    ]


class _ScanGradient(ctypes.Structure):
    _fields_ = [("scan", _Scan), ("of_out", _Lines), ("of_x", _Lines), ("of_gates", _Lines)]


def scan(
    name: str, x: Tensor, gates: Tensor, to: Tensor, axis: int, backwards: bool, before: Tensor | None = None
) -> None:
    """Write h to `to`; all are (N, H, W, C) float32 on the CPU, channels without gaps, a multiple of the lanes.

    Args:
        name: of the library.
        x: the features.
        gates: between -1 and 1.
        axis: 2 along rows, 1 along columns.
        backwards: from right to left, or from the bottom to the top.
        before: h before the first of a line, of length 1 along the axis; None for zeros.

    Raises:
        ValueError: for tensors that the library would read or write wrongly.
    """
    check(name, x, x, gates, to)
    job = job_of(x, gates, to, axis, backwards)
    if before is not None:
        check(name, before, before)
        if before.shape != x.narrow(axis, 0, 1).shape:
            raise ValueError(f"what came before {tuple(x.shape)} cannot be {tuple(before.shape)}")
        job.before = lines(before, axis, False)
    library.load_library(name).deblur_scan(ctypes.byref(job), ctypes.byref(workers(0)))


def add_gradients(
    name: str,
    x: Tensor,
    gates: Tensor,
    result: Tensor,
    of_result: Tensor,
    of_x: Tensor,
    of_gates: Tensor,
    axis: int,
    backwards: bool,
) -> None:
    """From the gradient `of_result` of a scan's `result`, with zeros before the first: that of its features is added to
    `of_x`, that of its gates written to `of_gates`. Others as for `scan`."""
    check(name, x, x, gates, result, of_result, of_x, of_gates)
    job = _ScanGradient(
        scan=job_of(x, gates, result, axis, backwards),
        of_out=lines(of_result, axis, backwards),
        of_x=lines(of_x, axis, backwards),
        of_gates=lines(of_gates, axis, backwards),
    )
    threads = workers(job.scan.block * x.shape[3])
    library.load_library(name).deblur_scan_gradient(ctypes.byref(job), ctypes.byref(threads))


def check(name: str, like: Tensor, *features: Tensor) -> None:
    for each in features:
        if each.dtype != torch.float32 or each.device.type != "cpu" or each.stride(3) != 1 or each.shape != like.shape:
            raise ValueError("features must be float32 on the CPU, of one shape (N, H, W, C), channels without gaps")
    if like.shape[3] % library.load_library(name).deblur_lanes():
        raise ValueError(f"{name} takes multiples of its vectors in channels, not {like.shape[3]}")


def job_of(x: Tensor, gates: Tensor, out: Tensor, axis: int, backwards: bool) -> _Scan:
    images, height, width, channels = x.shape
    return _Scan(
        x=lines(x, axis, backwards),
        gates=lines(gates, axis, backwards),
        out=lines(out, axis, backwards),
        length=width if axis == 2 else height,
        lines=height if axis == 2 else width,
        images=images,
        channels=channels,
        block=ROWS if axis == 2 else COLUMNS,
    )


def lines(features: Tensor, axis: int, backwards: bool) -> _Lines:
    """Where the lines of (N, H, W, C) along an axis are, from the one end or the other."""
    image, *steps = features.stride()[:3]
    along, across = steps[axis - 1], steps[2 - axis]
    last = (features.shape[axis] - 1) * along if backwards else 0
    return _Lines(features.data_ptr() + 4 * last, -along if backwards else along, across, image)
