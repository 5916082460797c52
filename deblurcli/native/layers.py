"""Layers of the compiled library: weights prepared once, called on rows that lie anywhere in memory."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from deblurcli.native import library
from deblurcli.native.polyphase import split_phases, strided_weights, transposed_weights
from deblurcli.native.rows import RowAddresses

LayerKind = Literal["winograd", "direct", "thin"]
SOURCES = 4


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
        ("sources", _Source * SOURCES),
        ("width", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("kernel", ctypes.c_int64),
        ("before", ctypes.c_int64),
        ("up", ctypes.c_int64),
        ("relu", ctypes.c_int64),
        ("leak", ctypes.c_double),
        ("residual", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("out_rows", ctypes.c_int64),
        ("out_channels", ctypes.c_int64),
    ]


class _Cell(ctypes.Structure):
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


@dataclass(frozen=True)
class Layer:
    """A convolution with its weights in the order the library reads them.

    Attributes:
        kind: which of the library's functions computes it.
        library: the loaded library.
        weights: float32, or for Winograd what the library takes products in.
        bias: float32.
        channels: of the input and the output.
        kernel, stride, before: as in TensorFlow's "SAME" padding, `before` zeros on the left and above.
        up: 2 for a transposed convolution, which is one of kernel 3 and stride 1 that makes four pixels of each.
    """

    kind: LayerKind
    library: ctypes.CDLL
    weights: Tensor
    bias: Tensor
    channels: tuple[int, int]
    kernel: int
    stride: int
    before: int
    up: int

    @property
    def polyphase(self) -> bool:
        """Whether it is computed as a convolution of kernel 3 and stride 1 on four images of half the size."""
        return self.stride == 2

    @property
    def unit(self) -> int:
        """Steps (output rows, pairs of them with `up`) that are computed together; fewer cost as much."""
        if self.kind != "winograd":
            return 1
        side: int = self.library.deblur_side()
        return side + 1 - (3 if self.polyphase else self.kernel)

    def run(
        self,
        sources: Sequence[RowAddresses],
        width: int,
        out: Tensor,
        relu: bool,
        residual: RowAddresses | None,
        leak: float = 0.0,
    ) -> None:
        """Compute all rows of `out`, (K, h, W) channels innermost and without gaps, from the rows they depend on.

        Args:
            sources: their channels follow each other.
            width: of the sources.
            relu: set negative results to 0.
            residual: h rows without gaps between pixels, added last.
            leak: what to multiply negative results by, in place of `relu`; not of thin layers.
        """
        kernel, before = self.kernel, self.before
        if self.polyphase:
            kernel, before, width = 3, 1, width // 2
            sources = [phase for rows in sources for phase in split_phases(rows, out.shape[1] + kernel - 1)]
        job = _Convolution(
            width=width,
            weights=self.weights.data_ptr(),
            bias=self.bias.data_ptr(),
            kernel=kernel,
            before=before,
            up=self.up,
            relu=relu,
            leak=leak,
            residual=residual.addresses.ctypes.data if residual else None,
            out=out.data_ptr(),
            out_rows=out.shape[1],
            out_channels=self.channels[1],
        )
        for place, rows in enumerate(sources):
            job.sources[place] = _Source(rows.addresses.ctypes.data, len(rows.addresses), rows.channels, rows.step)
        if self.kind == "thin":
            size = 8 * 8 * self.channels[0]
        else:
            size = getattr(self.library, f"deblur_{self.kind}_scratch")(ctypes.byref(job))
        threads = workers(size)
        getattr(self.library, f"deblur_{self.kind}")(ctypes.byref(job), ctypes.byref(threads))


_scratch = threading.local()


def workers(size: int) -> _Workers:
    """PyTorch's number of threads, with `size` floats for each; several Python threads have their own."""
    threads = torch.get_num_threads()
    memory: Tensor | None = getattr(_scratch, "memory", None)
    if memory is None or memory.numel() < size * threads + 16:
        _scratch.memory = memory = torch.zeros(size * threads + 16)
    address = -(-memory.data_ptr() // 64) * 64
    return _Workers(library.openmp(), threads, address, size)


def layer_kind(loaded: ctypes.CDLL, weight: Tensor, stride: int, transposed: bool) -> LayerKind | None:
    """Which of the library's functions computes a layer with weights of this shape; None if there is none."""
    lanes, panel = loaded.deblur_lanes(), loaded.deblur_panel()
    (inputs, outputs), size = (weight.shape[:2] if transposed else weight.shape[1::-1]), weight.shape[2]
    if stride == 1 and outputs <= 4 and inputs % lanes == 0:
        return "thin"
    if outputs % panel:
        return None
    if inputs % lanes == 0 and (transposed or (size in (3, 5) and stride <= 2)):
        return "winograd"
    return None if transposed or stride > 1 else "direct"


def prepare_layer(name: str, weight: Tensor, bias: Tensor, stride: int, before: int, transposed: bool) -> Layer | None:
    """A layer with copies of these weights; None if the library has no function for such a layer.

    Args:
        name: of an instruction set that is compiled.
        weight: (K, C, k, k); (C, K, 4, 4) if transposed.
        bias: (K,).
        stride, before: see `Layer`.
        transposed: a transposed convolution of stride 2 that crops one pixel on each side.
    """
    loaded = library.load_library(name)
    kind = layer_kind(loaded, weight, stride, transposed)
    if kind is None:
        return None
    plain = weight.detach().float()
    inputs, outputs = plain.shape[:2] if transposed else plain.shape[1::-1]
    if transposed:
        plain, stride = transposed_weights(plain), 1
    kernel = plain.shape[2]
    if stride == 2:
        plain = strided_weights(plain, before)
    packed = in_reading_order(loaded, kind, plain)
    own_bias = bias.detach().float().contiguous().clone()
    up = 2 if transposed else 1
    return Layer(kind, loaded, packed, own_bias, (inputs, outputs), kernel, stride, before, up)


def in_reading_order(loaded: ctypes.CDLL, kind: LayerKind, weight: Tensor) -> Tensor:
    """(K, C, k, k) float32 as the library's function for this kind reads them."""
    outputs, inputs, kernel, _ = weight.shape
    given = weight.permute(2, 3, 1, 0).contiguous()
    size = weight.numel()
    if kind == "winograd":
        size = outputs * inputs * loaded.deblur_side() ** 2 // loaded.deblur_channels_per_word()
    packed = torch.empty(size)
    addresses = ctypes.c_void_p(given.data_ptr()), ctypes.c_void_p(packed.data_ptr())
    sizes = map(ctypes.c_int64, (inputs, outputs, kernel))
    threads = (ctypes.byref(workers(0)),) if kind == "winograd" else ()  # the others have little to do
    getattr(loaded, f"deblur_{kind}_pack")(*addresses, *sizes, *threads)
    return packed


def update_cell(name: str, gates: Tensor, cell: RowAddresses, state: Tensor, hidden: Tensor) -> None:
    """The ConvLSTM's update: (4C, h, W) gates and rows of c -> (2C, h, W) state', (C, h, W) output."""
    job = _Cell(
        gates=gates.data_ptr(),
        cell=cell.addresses.ctypes.data,
        cell_step=cell.step,
        state=state.data_ptr(),
        hidden=hidden.data_ptr(),
        rows=hidden.shape[1],
        width=hidden.shape[2],
        channels=hidden.shape[0],
    )
    threads = workers(0)
    library.load_library(name).deblur_lstm(ctypes.byref(job), ctypes.byref(threads))
