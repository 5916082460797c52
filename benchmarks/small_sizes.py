"""Small images in this package's native code and in eager PyTorch: is the native code ever the slower one?

    python benchmarks/small_sizes.py --threads 2 --rounds 9

For SRN, MAXIM's first stage and NAFNet of width 32, with random weights: the median milliseconds of eager PyTorch in
float32, in its faster layout for each size, and how many times as fast the native code is, as the median of interleaved
rounds with the least and the most.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from subjects import NETWORKS, native_way, subject
from torch import Tensor

PRECISIONS = (("fp32", torch.float32), ("bf16", torch.bfloat16))


def seconds(way: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def eager_way(network: torch.nn.Module, image: Tensor) -> Callable[[], Tensor]:
    """The network as it is written, in the layout that is faster here."""
    inner = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inner_image = image.contiguous(memory_format=torch.channels_last)
    ways: list[Callable[[], Tensor]] = [lambda: network(image)[-1], lambda: inner(inner_image)[-1]]
    for way in ways:
        way()
    return min(ways, key=lambda way: min(seconds(way) for _ in range(3)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--side", action="append", type=int, help="of a square image, a multiple of 64")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"threads: {options.threads}, rounds: {options.rounds}")
    with torch.inference_mode():
        for name in options.network or NETWORKS:
            for side in options.side or (64, 128, 192, 256, 384):
                image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
                network = subject(name)
                eager = eager_way(network, image)
                native = {
                    precision: native_way(copy.deepcopy(network).to(kind), image) for precision, kind in PRECISIONS
                }
                for way in native.values():
                    way()  # brings the weights in order
                ratios: dict[str, list[float]] = {precision: [] for precision in native}
                times = []
                for _ in range(options.rounds):
                    times.append(seconds(eager))
                    for precision, way in native.items():
                        ratios[precision].append(times[-1] / seconds(way))
                found = "  ".join(
                    f"{precision} x{statistics.median(some):.2f} ({min(some):.2f} to {max(some):.2f})"
                    for precision, some in ratios.items()
                )
                print(f"{name:10} {side:4}  eager {statistics.median(times) * 1000:8.1f} ms  {found}", flush=True)


if __name__ == "__main__":
    main()
