"""Where one stage of MAXIM spends its time in the compiled library, and what share of the peak each part reaches.

    python benchmarks/maxim_shares.py --precision bf16

One thread, processor seconds, weights at random. The peak is the fastest product of this library on features that are
in the cache. Multiply-adds are those of the direct way to compute a layer; Winograd's algorithm needs fewer, so that
convolutions can be above the peak.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from deblurcli.native.choice import library_for
from deblurcli.native.layers import Layer
from deblurcli.native.mixing import Mixing, Pointwise, prepare_dense
from deblurcli.networks.maxim import native_attention, native_blocks
from deblurcli.networks.maxim.blocks import ChannelsLastConv
from deblurcli.networks.maxim.inference import StageRun, pictures
from deblurcli.networks.maxim.native_blocks import NativeBlocks
from deblurcli.networks.maxim.network import MAXIM, RELEASED
from deblurcli.networks.maxim.project import Projection
from deblurcli.restore.device import PRECISIONS

seconds: dict[str, float] = defaultdict(float)
products: dict[str, int] = defaultdict(int)  # multiply-adds
inner = [0.0]  # seconds of what was called by each call that is under way


def timed(owner: Any, name: str, part: Callable[..., str], work: Callable[..., int] = lambda *args, **named: 0) -> None:
    """Have a function's time, less that of others in it, added to the part that its arguments belong to."""
    function = getattr(owner, name)

    def replacement(*args: Any, **named: Any) -> Any:
        inner.append(0.0)
        began = time.thread_time()
        result = function(*args, **named)
        spent = time.thread_time() - began
        key = part(*args, **named)
        seconds[key] += spent - inner.pop()
        products[key] += work(*args, **named)
        inner[-1] += spent
        return result

    setattr(owner, name, replacement)


def size(*layers: Any) -> int:
    return sum(layer.channels[0] * layer.channels[1] for layer in layers if layer)


def of_mixing(mixing: Mixing, source: Tensor, *args: Any, **named: Any) -> int:
    dense = size(mixing.before, mixing.halves, mixing.gate, mixing.leave)
    return source.numel() // source.shape[3] * (dense + source.shape[3] * mixing.spatial.size**2)


def of_layer(layer: Layer, sources: Any, width: int, out: Tensor, *args: Any, **named: Any) -> int:
    return out.numel() * layer.channels[0] * layer.kernel**2


def of_convolution(conv: ChannelsLastConv, x: Tensor) -> int:
    return x.numel() * conv.out_channels * (conv.kernel_size[0] // conv.stride[0]) ** 2


def watch() -> None:
    timed(Mixing, "run", lambda self, x, *args, **named: f"mixing along {self.axis}, {x.shape[3]} channels", of_mixing)
    timed(
        Pointwise,
        "run",
        lambda self, x, *args, **named: f"pixel by pixel, {self.leave.channels[0]} channels",
        lambda self, x, *args, **named: x.numel() // x.shape[-1] * size(self.enter, self.leave),
    )
    timed(Layer, "run", lambda self, *args, **named: f"{self.kind}, {self.channels[0]} channels", of_layer)
    timed(ChannelsLastConv, "forward", lambda self, x: "convolutions in PyTorch", of_convolution)
    for name in ("shrunk", "add_grown"):
        timed(NativeBlocks, name, lambda *args: "other resolutions")
    for name in ("attend", "gather"):
        timed(native_blocks, name, lambda *args: "channel attention")
    timed(native_attention, "normalise", lambda *args: "norms for convolutions")
    timed(Projection, "total", lambda *args: "projections, but for products")
    timed(StageRun, "picture", lambda *args: "all else")


def peak(name: str, dtype: torch.dtype) -> float:
    """Multiply-adds a second."""
    layer = Pointwise(name, None, prepare_dense(name, torch.randn(256, 256), torch.zeros(256), dtype))
    x = torch.randn(384, 256).to(dtype)
    result, best = torch.empty_like(x), 0.0
    for _ in range(30):
        began = time.thread_time()
        for _ in range(20):
            layer.run(x, result, adds=False)
        best = max(best, 20 * len(x) * 256 * 256 / (time.thread_time() - began))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x768", help="WIDTHxHEIGHT, multiples of 64")
    parser.add_argument("--precision", default="fp32", choices=tuple(PRECISIONS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = MAXIM(replace(RELEASED, stages=1)).eval().requires_grad_(False).to(PRECISIONS[options.precision])
    width, height = map(int, options.size.split("x"))
    x = torch.rand(1, 3, height, width)
    with torch.inference_mode():
        most = peak(library_for(network.device, network.dtype), network.dtype)
        pictures(network, x)
        watch()
        began = time.thread_time()
        pictures(network, x)
        total = time.thread_time() - began
    share = sum(products.values()) / total / most
    reached = f"{100 * share:.0f} % of {2 * most / 1e9:.0f} GFLOP/s"
    print(f"one stage, {options.size}, {options.precision}: {total:.2f} s, {reached}")
    for part, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        line = f"{part:36} {spent:6.3f} s {100 * spent / total:5.1f} %"
        if products[part]:
            line += f" {100 * products[part] / spent / most:5.0f} % of the peak"
        print(line)


if __name__ == "__main__":
    main()
