"""3x3 convolutions of every channel by itself in the compiled library, on features (H, W, C), rows at a time."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from torch import Tensor

from deblurcli.native import library
from deblurcli.native.layers import workers
from deblurcli.native.mixing import check_memory


class _Depthwise(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_void_p),
        ("to", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("top", ctypes.c_int64),
        ("rows", ctypes.c_int64),
    ]


@dataclass(frozen=True)
class GatedDepthwise:
    """The product of the two halves of a convolution's result.

    Attributes:
        name: of the library.
        weights: (3, 3, 2C) float32.
        bias: (2C,) float32.
    """

    name: str
    weights: Tensor
    bias: Tensor

    def run(self, source: Tensor, top: int, to: Tensor) -> None:
        """Write rows of the result.

        Args:
            source: contiguous features (H, W, 2C).
            top: the first row of the result that is wanted.
            to: contiguous, the rows of the result that are wanted, (h, W, C) of the same number format.

        Raises:
            ValueError: if there are gaps, or other shapes.
        """
        check_memory(source, to)
        height, width, channels = source.shape
        if to.shape[1:] != (width, channels // 2) or not 0 <= top <= top + len(to) <= height:
            raise ValueError(f"rows {tuple(to.shape)} from {top} on are not of features {tuple(source.shape)}")
        job = _Depthwise(
            source=source.data_ptr(),
            to=to.data_ptr(),
            weights=self.weights.data_ptr(),
            bias=self.bias.data_ptr(),
            height=height,
            width=width,
            channels=channels // 2,
            top=top,
            rows=len(to),
        )
        library.load_library(self.name).deblur_depthwise(ctypes.byref(job), ctypes.byref(workers(0)))


def prepare_depthwise(name: str, weight: Tensor, bias: Tensor) -> GatedDepthwise:
    """Copies of weights (2C, 1, 3, 3) and biases (2C,)."""
    rows = weight.detach().float().permute(2, 3, 1, 0).flatten(2)
    return GatedDepthwise(name, rows.contiguous().clone(), bias.detach().float().contiguous().clone())
