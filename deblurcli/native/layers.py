"""Layers of the compiled library: weights prepared once, called on rows that lie anywhere in memory.

Rows are `Strips`: float32 tensors (C, h, W) whose memory is row by row, pixel by pixel, channel by channel. Nothing is
copied on the way in.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from deblurcli.native import library

Kind = Literal["winograd", "direct", "upsample", "thin"]


class _Workers(ctypes.Structure):
    _fields_ = [
        ("openmp", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
        ("scratch", ctypes.c_void_p),
        ("scratch_size", ctypes.c_int64),
    ]


class _Source(ctypes.Structure):
    _fields_ = [
        ("rows", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("step", ctypes.c_int64),
    ]


class _Convolution(ctypes.Structure):
    _fields_ = [
        ("sources", _Source * 2),
        ("width", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("kernel", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        ("before", ctypes.c_int64),
        ("relu", ctypes.c_int64),
        ("residual", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("out_rows", ctypes.c_int64),
        ("out_channels", ctypes.c_int64),
    ]


class _Memory(ctypes.Structure):
    _fields_ = [
        ("gates", ctypes.c_void_p),
        ("cell", ctypes.c_void_p),
        ("cell_step", ctypes.c_int64),
        ("state", ctypes.c_void_p),
        ("hidden", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
    ]


@dataclass
class Rows:
    """Consecutive rows of one image, wherever they are.

    Attributes:
        addresses: of each row's first pixel; 0 is a row of zeros.
        channels: floats of a pixel that are meant.
        step: floats from one pixel to the next.
        owners: the tensors that hold the rows; they keep the memory alive.
    """

    addresses: np.ndarray
    channels: int
    step: int
    owners: tuple[Tensor, ...]


def rows_of_tensor(image: Tensor) -> Rows:
    """(C, h, W) float32 on the CPU, channels innermost and rows without gaps inside, -> its rows."""
    channels, height, _ = image.shape
    row = image.stride(1) * image.element_size()
    addresses = image.data_ptr() + row * np.arange(height, dtype=np.uint64)
    return Rows(addresses.astype(np.uint64), channels, image.stride(2), (image,))


def black_rows(count: int, like: Rows) -> Rows:
    return Rows(np.zeros(count, np.uint64), like.channels, like.step, ())


def fits(image: Tensor) -> bool:
    """Whether a tensor (N, C, h, W) has the memory layout that is read here."""
    return image.dtype == torch.float32 and image.device.type == "cpu" and (image.stride(1) == 1 or image.shape[1] == 1)


@dataclass(frozen=True)
class Layer:
    """A convolution with its weights in the order the library reads them.

    Attributes:
        kind: which of the library's functions computes it.
        library: the loaded library.
        weights, bias: float32.
        channels: of the input and the output.
        kernel, stride, before: as in TensorFlow's "SAME" padding, `before` zeros on the left and above.
    """

    kind: Kind
    library: ctypes.CDLL
    weights: Tensor
    bias: Tensor
    channels: tuple[int, int]
    kernel: int
    stride: int
    before: int

    @property
    def scale(self) -> tuple[int, int]:
        """Output pixels per input pixel, as a fraction."""
        return (2, 1) if self.kind == "upsample" else (1, self.stride)

    @property
    def unit(self) -> int:
        """Output rows that are computed together; fewer cost as much."""
        return 11 - self.kernel if self.kind == "winograd" else 1

    def run(self, sources: Sequence[Rows], width: int, out: Tensor, relu: bool, residual: Rows | None) -> None:
        """Compute all rows of `out`, (K, h, W) channels innermost and without gaps, from the rows they depend on.

        Args:
            sources: their channels follow each other.
            width: of the sources.
            relu: set negative results to 0.
            residual: h rows without gaps between pixels, added last.
        """
        job = _Convolution(
            width=width,
            weights=self.weights.data_ptr(),
            bias=self.bias.data_ptr(),
            kernel=self.kernel,
            stride=self.stride,
            before=self.before,
            relu=relu,
            residual=residual.addresses.ctypes.data if residual else None,
            out=out.data_ptr(),
            out_rows=out.shape[1],
            out_channels=self.channels[1],
        )
        for place, rows in enumerate(sources):
            job.sources[place] = _Source(rows.addresses.ctypes.data, len(rows.addresses), rows.channels, rows.step)
        needs = {"winograd": self.library.deblur_winograd_scratch, "thin": None}.get(
            self.kind, self.library.deblur_direct_scratch
        )
        size = needs(ctypes.byref(job)) if needs else 8 * 8 * rows_channels(sources)
        workers = _workers(size)
        getattr(self.library, f"deblur_{self.kind}")(ctypes.byref(job), ctypes.byref(workers))


def rows_channels(sources: Sequence[Rows]) -> int:
    return sum(rows.channels for rows in sources)


_scratch = threading.local()


def _workers(size: int) -> _Workers:
    """PyTorch's number of threads, with `size` floats for each; several Python threads have their own."""
    threads = torch.get_num_threads()
    memory: Tensor | None = getattr(_scratch, "memory", None)
    if memory is None or memory.numel() < size * threads + 16:
        _scratch.memory = memory = torch.zeros(size * threads + 16)
    address = -(-memory.data_ptr() // 64) * 64
    return _Workers(library.openmp(), threads, address, size)


def kind_of(loaded: ctypes.CDLL, weight: Tensor, stride: int, transposed: bool) -> Kind | None:
    """Which of the library's functions computes a layer with weights of this shape; None if there is none."""
    lanes, panel = loaded.deblur_lanes(), loaded.deblur_panel()
    inputs, outputs = (weight.shape[0], weight.shape[1]) if transposed else (weight.shape[1], weight.shape[0])
    kind: Kind
    if transposed:
        kind = "upsample"
    elif stride == 1 and outputs <= 4 and inputs % lanes == 0:
        kind = "thin"
    elif stride == 1 and weight.shape[2] in (3, 5) and inputs % lanes == 0:
        kind = "winograd"
    else:
        kind = "direct"
    return kind if kind == "thin" or outputs % panel == 0 else None


def prepare(name: str, weight: Tensor, bias: Tensor, stride: int, before: int, transposed: bool) -> Layer | None:
    """A layer with copies of these weights; None if the library has no function for such a layer.

    Args:
        name: of an instruction set that is compiled.
        weight: (K, C, k, k); (C, K, 4, 4) if transposed.
        bias: (K,).
        stride, before: see `Layer`.
        transposed: a transposed convolution of stride 2 that crops one pixel on each side.
    """
    loaded = library.load(name)
    kind = kind_of(loaded, weight, stride, transposed)
    if kind is None:
        return None
    inputs, outputs = (weight.shape[0], weight.shape[1]) if transposed else (weight.shape[1], weight.shape[0])
    kernel = weight.shape[2]
    plain = weight.detach().float().contiguous()
    packed = torch.empty(inputs * outputs * (100 if kind == "winograd" else kernel * kernel))
    sizes = [outputs, inputs] if transposed else [outputs, inputs, kernel]
    arguments = [ctypes.c_void_p(plain.data_ptr()), ctypes.c_void_p(packed.data_ptr()), *map(ctypes.c_int64, sizes)]
    getattr(loaded, f"deblur_{kind}_pack")(*arguments)
    return Layer(
        kind, loaded, packed, bias.detach().float().contiguous().clone(), (inputs, outputs), kernel, stride, before
    )


def update_memory(name: str, gates: Tensor, cell: Rows, state: Tensor, hidden: Tensor) -> None:
    """The ConvLSTM's update: (4C, h, W) gates and rows of c -> (2C, h, W) state', (C, h, W) output."""
    job = _Memory(
        gates=gates.data_ptr(),
        cell=cell.addresses.ctypes.data,
        cell_step=cell.step,
        state=state.data_ptr(),
        hidden=hidden.data_ptr(),
        rows=hidden.shape[1],
        width=hidden.shape[2],
        channels=hidden.shape[0],
    )
    workers = _workers(0)
    library.load(name).deblur_lstm(ctypes.byref(job), ctypes.byref(workers))
