"""How fast a matrix product can be here: the yardstick for a network's speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F

from deblurcli.bench.speed.hardware import seconds_of
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
PIXELS = 4096  # rows of the product that a 1x1 convolution is: enough to pay for laying out its weights

Make = Callable[[int, torch.device, torch.dtype], Callable[[], object]]
Product = tuple[float, Callable[[], object]]  # its floating-point operations, and running it once


def matrix_peak(device: torch.device, dtype: torch.dtype, seconds: float) -> float:
    """FLOP/s of the fastest matrix product that PyTorch offers on a device in a precision, a multiply-add counting two.

    The best single run of square products by `torch.mm` and of 1x1 convolutions in channels_last, both of several
    sizes, on as many threads as PyTorch uses at the moment. Both, since they reach different libraries, and on some
    processors only one of these uses the widest instructions. Measure it beside what it is compared with: it varies
    with everything else that the machine does.

    It is what a program can hope for here and now. It is not the arithmetic limit of the chip, which no library
    reaches; and no bound for a network, whose algorithm may need fewer operations than its definition has. On CUDA
    `Deblurrer` turns off TF32, so float32 is float32 here as in a network.

    Args:
        seconds: about how long to try; the first run of each size comes on top.
    """
    deadline = time.perf_counter() + seconds
    best = 0.0
    with torch.inference_mode():
        products: list[Product] = []
        for make in (matrices, pointwise):
            rate = 0.0
            for size in SIZES:
                flop = operations(make, size)
                if rate and 2 * flop / rate > seconds / 4:  # larger ones would leave no time for the others
                    break
                run = attempt(partial(prepared, make, size, device, dtype))
                if run is OUT_OF_MEMORY:
                    break
                rate = flop / seconds_of(run, device)
                best = max(best, rate)
                products.append((flop, run))
        while time.perf_counter() < deadline:
            for flop, run in products:
                best = max(best, flop / seconds_of(run, device))
    return best


def prepared(make: Make, size: int, device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """A product, after its first time."""
    run = make(size, device, dtype)
    seconds_of(run, device)
    return run


def operations(make: Callable[..., object], size: int) -> float:
    return 2.0 * size * size * (size if make is matrices else PIXELS)


def matrices(size: int, device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """(size, size) times (size, size)."""
    left, right = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    return lambda: torch.mm(left, right)


def pointwise(size: int, device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    """(PIXELS, size) times (size, size), as a 1x1 convolution."""
    image = torch.rand(1, size, PIXELS // 64, 64, device=device)
    weight = torch.rand(size, size, 1, 1, device=device)
    image, weight = (one.to(dtype, memory_format=torch.channels_last) for one in (image, weight))
    return lambda: F.conv2d(image, weight)
