"""NAFNet's forward pass in the compiled library against PyTorch's, in float32 and bfloat16.

    python benchmarks/nafnet.py --size 1280x720 --threads 2 --rounds 5

Weights are random; time does not depend on them. Rounds are interleaved in one process; times and ratios are medians
with the least and the most. With one thread they are processor seconds, else those of a clock.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from functools import partial

import torch
from engine import psnr

from deblurcli.networks.nafnet.native_blocks import OwnBlocks, blocks_for, restored
from deblurcli.networks.nafnet.network import RELEASED, NAFNet


def network_of_32() -> NAFNet:
    """NAFNet of width 32 with random weights."""
    torch.manual_seed(0)
    network = NAFNet(RELEASED["GoPro-width32"]).eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):  # which a training begins with at zero
            parameter.normal_(0, 0.2)
    return network


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to multiples of 16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="one alone beside PyTorch's fp32; else both")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    network = network_of_32().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    half = copy.deepcopy(network).bfloat16()
    width, height = (side + -side % network.config.size_multiple for side in map(int, options.size.split("x")))
    x = torch.rand(1, 3, height, width).contiguous(memory_format=torch.channels_last)
    ways = {
        "PyTorch fp32": partial(restored, network, OwnBlocks(), x),
        "PyTorch bf16": partial(restored, half, OwnBlocks(), x),
        "native fp32": partial(restored, network, blocks_for(network), x),
        "native bf16": partial(restored, half, blocks_for(half), x),
    }
    if options.precision:
        ways = {way: run for way, run in ways.items() if way == "PyTorch fp32" or way.endswith(options.precision)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with torch.inference_mode():
        results = {way: run()[0] for way, run in ways.items()}
        for _ in range(options.rounds):
            for way, run in ways.items():
                began = clock()
                run()
                seconds[way].append(clock() - began)
    first = next(iter(ways))
    print(f"NAFNet-32, {width}x{height}, threads: {options.threads}, rounds: {options.rounds}")
    for way, taken in seconds.items():
        ratios = [one / other for one, other in zip(seconds[first], taken, strict=True)]
        print(f"{way}  {spread(taken)} s  x{spread(ratios)}  {psnr(results[way], results[first]):.0f} dB")


if __name__ == "__main__":
    main()
