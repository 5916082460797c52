"""How fast SRN runs on this CPU: PyTorch's convolutions beside the native ones, in interleaved rounds.

    python benchmarks/engine.py --size 1280x720 --kernel 5 --rounds 5

Weights are random; the time does not depend on them. Where an engine multiplies bfloat16, it is timed in that precision
too. Prints the median, the least and the most seconds of each way, how many times faster than eager PyTorch it is, and
how far its result is from eager's: the largest difference, and the PSNR relative to the range of eager's values.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from deblurcli.native import layers, library
from deblurcli.networks.base import CPU_PIXELS
from deblurcli.networks.srn.network import SRN, SRNConfig
from deblurcli.networks.srn.streaming import restore
from deblurcli.tiling.budget import PixelBudget


class Memory:
    """An image in memory, as `restore` reads it."""

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self.height, self.width = image.shape[2:]

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        return self.image[:, :, top:bottom, left:right]


def network_of(kernel: int, image_channels: int) -> SRN:
    """Weights of He's size, less in the residual blocks, so that values keep their size through the network."""
    network = SRN(SRNConfig(kernel_size=kernel, image_channels=image_channels, resize="area", global_residual=True))
    network.eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if parameter.ndim == 4:
            size = math.sqrt(2 / parameter[0].numel()) * (0.3 if name.endswith("conv2.weight") else 1)
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * size)
        else:
            parameter.zero_()
    network.dec1.get_parameter(f"{len(network.dec1) - 1}.weight").mul_(0.02)
    return network


def in_tiles(network: SRN, image: Tensor, engine: str, pixels: int) -> Tensor:
    """What the command does, with this $DEBLUR_ENGINE."""
    os.environ[library.VARIABLE] = engine
    result = torch.empty_like(image)

    def emit(top: int, left: int, tile: Tensor) -> None:
        result[:, :, top : top + tile.shape[2], left : left + tile.shape[3]] = tile

    restore(network, Memory(image), emit, PixelBudget(pixels), lambda share: None)
    return result


def ways(kernel: int, image: Tensor, engines: list[str], pixels: int) -> dict[str, Callable[[], Tensor]]:
    """What is timed, by name; the first is what all others are compared with."""
    plain = network_of(kernel, image.shape[1])
    innermost = network_of(kernel, image.shape[1]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inner_image = image.contiguous(memory_format=torch.channels_last)
    found: dict[str, Callable[[], Tensor]] = {
        "eager": lambda: plain(image)[-1],
        "eager channels_last": lambda: innermost(inner_image)[-1],
        "strips torch": lambda: in_tiles(innermost, inner_image, "torch", pixels),
    }
    for engine in engines:
        # Networks of their own: the weights are kept in the order of one engine only.
        own = copy.deepcopy(innermost)
        found[f"strips {engine}"] = partial(in_tiles, own, inner_image, engine, pixels)
        if multiplies_bf16(engine):
            half = copy.deepcopy(innermost).to(torch.bfloat16)
            found[f"strips {engine} bf16"] = partial(in_tiles, half, inner_image, engine, pixels)
    return found


def multiplies_bf16(engine: str) -> bool:
    os.environ[library.VARIABLE] = engine
    return library.choose_backend("bf16").name != "torch"


def psnr(result: Tensor, wanted: Tensor) -> float:
    """In dB, for the range of the wanted values."""
    rms = float((result - wanted).double().square().mean().sqrt())
    return 20 * math.log10(float(wanted.max() - wanted.min()) / rms) if rms else math.inf


def count_seconds(way: Callable[[], str]) -> dict[str, dict[str, float]]:
    """From now on, add up the seconds that each kind of native layer takes, for each way as it is running."""
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    run = layers.Layer.run

    def timed(self: layers.Layer, *arguments: object) -> None:
        started = time.perf_counter()
        run(self, *arguments)  # type: ignore[arg-type]
        name = f"{self.kind} {self.kernel}x{self.kernel} {self.channels[0]}->{self.channels[1]}"
        seconds[way()][name] += time.perf_counter() - started

    layers.Layer.run = timed  # type: ignore[method-assign, assignment]
    return seconds


def print_shares(seconds: dict[str, float], whole: float, rounds: int) -> None:
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"  {name:28} {spent / rounds:7.3f} s per image  {spent / whole:5.1%}")
    print(f"  {'all else':28} {(whole - sum(seconds.values())) / rounds:7.3f} s per image")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, multiples of 16")
    parser.add_argument("--kernel", type=int, default=5, choices=(3, 5))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--pixels", type=int, default=CPU_PIXELS, help="of a strip")
    sets = ",".join(library.compiled(library.INSTRUCTION_SETS))
    parser.add_argument("--engines", default=sets, help="native ones, separated by commas")
    parser.add_argument("--only", default="", help="time only the ways whose name contains this, and check nothing")
    parser.add_argument("--shares", action="store_true", help="how the time of the native layers is spread")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    width, height = map(int, options.size.split("x"))
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    timed = ways(options.kernel, image, [name for name in options.engines.split(",") if name], options.pixels)
    timed = {name: way for name, way in timed.items() if options.only in name}
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    results: dict[str, Tensor] = {}
    shares: dict[str, dict[str, float]] = {}
    running = ""
    with torch.inference_mode():
        in_tiles(network_of(options.kernel, 3), image[:, :, :64, :64], "torch", options.pixels)  # wakes the threads
        for name, way in timed.items():
            if name.startswith("strips") and name != "strips torch":
                way()  # prepares the weights
        if options.shares:
            shares = count_seconds(lambda: running)
        for _ in range(options.rounds):
            for name, way in timed.items():
                running = name
                started = time.perf_counter()
                results[name] = way()
                seconds[name].append(time.perf_counter() - started)
    first = next(iter(timed))
    print(f"{width}x{height}, kernel {options.kernel}, {options.threads} threads, {options.rounds} rounds")
    for name, times in seconds.items():
        middle = statistics.median(times)
        text = f"{name:22} {middle:7.3f} s ({min(times):.3f} to {max(times):.3f})"
        text += f"  x{statistics.median(seconds[first]) / middle:.2f}"
        if name != first and not options.only:
            largest = float((results[name] - results[first]).abs().max())
            text += f"  max {largest:.1e}  PSNR {psnr(results[name], results[first]):.0f} dB"
        print(text)
        if name in shares:
            print_shares(shares[name], sum(times), options.rounds)


if __name__ == "__main__":
    main()
