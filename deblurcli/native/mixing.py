"""Linear layers of the compiled library on features (N, H, W, C): gated MLPs, and layers pixel by pixel.

Features are float32, or bfloat16 in the library that multiplies it, and without gaps. Biases and norms are float32.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.native import library
from deblurcli.native.layers import workers

Axis = Literal["grid", "block"]


class _Dense(ctypes.Structure):
    _fields_ = [
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
    ]


class _Mixing(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("waiting", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("added", ctypes.c_void_p),
        ("images", ctypes.c_int64),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("grid", ctypes.c_int64),
        ("before", _Dense),
        ("halves", _Dense),
        ("gate", _Dense),
        ("scale", ctypes.c_void_p),
        ("shift", ctypes.c_void_p),
        ("spatial", ctypes.c_void_p),
        ("spatial_bias", ctypes.c_void_p),
        ("leave", _Dense),
    ]


@dataclass(frozen=True)
class Dense:
    """A linear layer on channels with its weights in the order the library reads them.

    Attributes:
        weights: in the features' format, see `mixing.h`.
        bias: float32.
        channels: of the input and the output.
    """

    weights: Tensor
    bias: Tensor
    channels: tuple[int, int]

    def struct(self) -> _Dense:
        """As the library takes it."""
        return _Dense(self.weights.data_ptr(), self.bias.data_ptr(), *self.channels)


def check_memory(*features: Tensor) -> None:
    """Raises ValueError for what the library would read or write wrongly: features are one format, without gaps."""
    if any(x.dtype != features[0].dtype or not x.is_contiguous() or x.device.type != "cpu" for x in features):
        raise ValueError("features must be contiguous, on the CPU and of one number format")


def run_in_threads(name: str, function: str, job: ctypes.Structure) -> None:
    """Have a library do a job, with as much memory for each thread as it asks for."""
    loaded = library.load_library(name)
    threads = workers(getattr(loaded, f"deblur_{function}_scratch")(ctypes.byref(job)))
    getattr(loaded, f"deblur_{function}")(ctypes.byref(job), ctypes.byref(threads))


def panel(name: str) -> int:
    """What the channels of every layer must be multiples of, in the library of that name."""
    size: int = library.load_library(name).deblur_panel()
    return size


def prepare_dense(name: str, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Dense:
    """A layer with copies of weights (out, in) and biases (out,), for features of a number format."""
    outputs, inputs = weight.shape
    weights = in_panels(weight.detach().to(dtype), panel(name))
    return Dense(weights, bias.detach().float().contiguous().clone(), (inputs, outputs))


def in_panels(weight: Tensor, size: int) -> Tensor:
    """(out, in) -> the same weights in panels of so many outputs, see `mixing.h`."""
    together = 4 // weight.element_size()  # inputs in a word
    return weight.view(-1, size, weight.shape[1] // together, together).transpose(1, 2).contiguous()


def beside(name: str, values: Tensor) -> Tensor:
    """Weights or biases (2C, ...) in another order: vectors of the first C in turns with those of the second."""
    vectors = values.reshape(2, -1, panel(name) // 2, *values.shape[1:])
    return vectors.transpose(0, 1).reshape(values.shape)


@dataclass(frozen=True)
class Spatial:
    """A matrix that mixes size x size pixels.

    Attributes:
        weights: in the features' format, with rows of zeros up to a multiple of four.
        bias: float32, as many as there are rows.
        size: the side of blocks, or of the grid.
    """

    weights: Tensor
    bias: Tensor
    size: int


def prepare_spatial(weight: Tensor, bias: Tensor, size: int, dtype: torch.dtype) -> Spatial:
    """Copies of weights (size^2, size^2) and biases (size^2,), for features of a number format."""
    missing = -len(weight) % 4
    weights, biases = F.pad(weight.detach().to(dtype), (0, 0, 0, missing)), F.pad(bias.detach().float(), (0, missing))
    return Spatial(weights.contiguous().clone(), biases.contiguous().clone(), size)


@dataclass(frozen=True)
class Mixing:
    """One axis of a gated MLP, or of spatial gating weights.

    Attributes:
        name: of the library.
        axis: what is mixed: the pixels of a block, or those at one place of all cells of a grid.
        before, halves, gate, leave: layers, with their norms' factors in their weights; see `mixing.h`.
        gate_norm: factors and summands of the norm after `gate`, float32.
        spatial: the matrix that mixes.
    """

    name: str
    axis: Axis
    before: Dense | None
    halves: Dense | None
    gate: Dense | None
    gate_norm: tuple[Tensor, Tensor] | None
    spatial: Spatial
    leave: Dense

    def run(self, source: Tensor, waiting: Tensor, to: Tensor, added: Tensor | None = None) -> None:
        """Mix features and write the result to `to`; all are contiguous (N, H, W, C) of one number format.

        Args:
            source: the features; without `halves` those of the waiting half.
            waiting: with `halves`, what the other half goes to.
            to: may be `source`.
            added: what is added to the result; may be `to` or `source`.
        """
        check_memory(source, waiting, to, *(() if added is None else (added,)))
        nothing = _Dense()
        before, halves, gate = (layer.struct() if layer else nothing for layer in (self.before, self.halves, self.gate))
        images, height, width, channels = source.shape
        scale, shift = self.gate_norm or (None, None)
        job = _Mixing(
            source=source.data_ptr(),
            waiting=waiting.data_ptr(),
            to=to.data_ptr(),
            added=None if added is None else added.data_ptr(),
            images=images,
            height=height,
            width=width,
            channels=channels,
            size=self.spatial.size,
            grid=self.axis == "grid",
            before=before,
            halves=halves,
            gate=gate,
            scale=None if scale is None else scale.data_ptr(),
            shift=None if shift is None else shift.data_ptr(),
            spatial=self.spatial.weights.data_ptr(),
            spatial_bias=self.spatial.bias.data_ptr(),
            leave=self.leave.struct(),
        )
        run_in_threads(self.name, "mixing", job)


class _Pointwise(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("factor", ctypes.c_void_p),
        ("added", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("adds", ctypes.c_int64),
        ("pixels", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("normed", ctypes.c_int64),
        ("halves", ctypes.c_int64),
        ("enter", _Dense),
        ("leave", _Dense),
    ]


@dataclass(frozen=True)
class Pointwise:
    """leave(gelu(enter(norm(x)))) on channels, or leave(x) alone, or leave(norm(x)).

    Attributes:
        name: of the library.
        enter, leave: layers, the first with its norm's factors in its weights; see `mixing.h`.
        normed: whether the norm comes before `leave` where there is no `enter`.
        halves: whether the product of two halves, of which `enter` has the channels side by side (`beside`), takes the
            place of GELU.
    """

    name: str
    enter: Dense | None
    leave: Dense
    normed: bool = False
    halves: bool = False

    def run(
        self, source: Tensor, to: Tensor, adds: bool, factor: Tensor | None = None, added: Tensor | None = None
    ) -> None:
        """Write the result of contiguous features (..., C) to `to`, or add it; all are of one number format.

        Args:
            source: the features.
            to: may be `source`.
            adds: to what is in `to`.
            factor: what is multiplied between the layers.
            added: what else is added.
        """
        check_memory(source, to, *(each for each in (factor, added) if each is not None))
        job = _Pointwise(
            source=source.data_ptr(),
            factor=None if factor is None else factor.data_ptr(),
            added=None if added is None else added.data_ptr(),
            to=to.data_ptr(),
            adds=adds,
            pixels=source.numel() // source.shape[-1],
            channels=source.shape[-1],
            normed=self.normed,
            halves=self.halves,
            enter=self.enter.struct() if self.enter else _Dense(),
            leave=self.leave.struct(),
        )
        run_in_threads(self.name, "pointwise", job)


class _Normalisation(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("shift", ctypes.c_void_p),
        ("pixels", ctypes.c_int64),
        ("channels", ctypes.c_int64),
    ]


def normalise(name: str, source: Tensor, scale: Tensor, shift: Tensor, to: Tensor) -> None:
    """The layer norm (epsilon 1e-6) of contiguous features (..., C), in float32: what convolutions take.

    Args:
        name: of the library.
        source: the features.
        scale, shift: (C,) float32.
        to: float32 of the same shape.
    """
    job = _Normalisation(
        source=source.data_ptr(),
        to=to.data_ptr(),
        scale=scale.data_ptr(),
        shift=shift.data_ptr(),
        pixels=source.numel() // source.shape[-1],
        channels=source.shape[-1],
    )
    library.load_library(name).deblur_normalise(ctypes.byref(job), ctypes.byref(workers(0)))
