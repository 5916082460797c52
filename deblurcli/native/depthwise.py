"""3x3 convolutions of every channel by itself in the compiled library, on features (N, H, W, C) without gaps."""

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
        ("images", ctypes.c_int64),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("channels", ctypes.c_int64),
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

    def run(self, source: Tensor) -> Tensor:
        """(N, H, W, 2C) -> (N, H, W, C), of one number format."""
        check_memory(source)
        images, height, width, channels = source.shape
        to = source.new_empty(images, height, width, channels // 2)
        job = _Depthwise(
            source=source.data_ptr(),
            to=to.data_ptr(),
            weights=self.weights.data_ptr(),
            bias=self.bias.data_ptr(),
            images=images,
            height=height,
            width=width,
            channels=channels // 2,
        )
        library.load_library(self.name).deblur_depthwise(ctypes.byref(job), ctypes.byref(workers(0)))
        return to


def prepare_depthwise(name: str, weight: Tensor, bias: Tensor) -> GatedDepthwise:
    """Copies of weights (2C, 1, 3, 3) and biases (2C,)."""
    rows = weight.detach().float().permute(2, 3, 1, 0).flatten(2)
    return GatedDepthwise(name, rows.contiguous().clone(), bias.detach().float().contiguous().clone())
