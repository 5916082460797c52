"""How near SRN comes to what a GPU can do: ways to run it, batches of small images, its kernels' shares of the time.

    python benchmarks/gpu.py

Weights are random; the time does not depend on them. All ways take turns in interleaved rounds, a GPU being waited for
around each. `plain` is the network in PyTorch, `graph` what the program does with images up to two megapixels that come
again, and `compiled` torch.compile, which the program does not use; its first run, which compiles, is told apart. The
peak is the fastest matrix product in the same number format, measured before and after. On the CPU the same command
runs, with nothing recorded.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from engine import network_of, psnr
from torch import Tensor

from deblurcli.bench.speed.flop import network_flop
from deblurcli.bench.speed.hardware import gpu_name, processor_name, seconds_of
from deblurcli.bench.speed.peak import matrix_peak
from deblurcli.networks.srn.network import SRN
from deblurcli.restore.device import PRECISIONS, pick_device
from deblurcli.restore.graphs import Graphs

PEAK_SECONDS = 2.0
BATCHES = (1, 2, 4, 8, 16)

Way = Callable[[Tensor], Tensor]


def compiled(network: SRN, image: Tensor) -> tuple[Way, float]:
    """The network through torch.compile, and how many seconds its first run took."""
    way = torch.compile(copy.deepcopy(network), dynamic=False)
    return (lambda x: way(x)[-1]), seconds_of(lambda: way(image), image.device)


def medians(ways: dict[str, Way], images: dict[str, Tensor], rounds: int) -> dict[str, float]:
    """Seconds of each way on its image, the first three runs of each not counted: a recording is made in the second."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(3 + rounds):
        for name, way in ways.items():
            spent = seconds_of(lambda way=way, name=name: way(images[name]), images[name].device)  # type: ignore[misc]
            if index >= 3:
                seconds[name].append(spent)
    return {name: statistics.median(each) for name, each in seconds.items()}


def whole_images(options: argparse.Namespace, device: torch.device) -> None:
    width, height = map(int, options.size.split("x"))
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)).to(device)
    exact = network_of(options.kernel, 3).to(device)
    wanted = exact(image)[-1]
    flop = network_flop("srn", {"kernel_size": options.kernel, "resize": "area"}, width, height)
    for precision in options.precision.split(","):
        dtype = PRECISIONS[precision]
        plain = copy.deepcopy(exact).to(dtype)
        layout = torch.channels_last
        inner = copy.deepcopy(plain).to(memory_format=layout)  # type: ignore[call-overload]
        ways: dict[str, Way] = {
            "plain": lambda x, plain=plain: plain(x)[-1],  # type: ignore[misc]
            "plain channels_last": lambda x, inner=inner: inner(x)[-1],  # type: ignore[misc]
            "graph channels_last": Graphs(inner),
        }
        images = dict.fromkeys(ways, image.contiguous(memory_format=layout))
        images["plain"] = image
        if options.compile:
            way, first = compiled(inner, images["plain channels_last"])
            ways["compiled channels_last"] = way
            images["compiled channels_last"] = images["plain channels_last"]
            print(f"{precision}: torch.compile's first run took {first:.1f} s")
        peak = matrix_peak(device, dtype, PEAK_SECONDS)
        times = medians(ways, images, options.rounds)
        peak = max(peak, matrix_peak(device, dtype, PEAK_SECONDS))
        for name, middle in times.items():
            result = ways[name](images[name])
            print(
                f"{precision:5} {name:22} {1e3 * middle:9.2f} ms  x{times['plain'] / middle:.2f}  "
                f"{flop / middle / 1e12:7.1f} TFLOP/s, {flop / middle / peak:6.1%} of the peak  "
                f"PSNR {psnr(result, wanted):.0f} dB"
            )


def batches(network: SRN, options: argparse.Namespace, device: torch.device) -> None:
    ways: dict[str, Way] = {}
    images: dict[str, Tensor] = {}
    for count in BATCHES:
        image = torch.rand(count, 3, options.small, options.small, device=device)
        for name, way in (("plain", lambda x: network(x)[-1]), ("graph", Graphs(network))):
            ways[f"{name} {count}"] = way
            images[f"{name} {count}"] = image.contiguous(memory_format=torch.channels_last)
    times = medians(ways, images, options.rounds)
    print(f"\n{options.small}x{options.small} in batches, images a second")
    for count in BATCHES:
        rates = "  ".join(f"{name} {count / times[f'{name} {count}']:8.1f}" for name in ("plain", "graph"))
        print(f"batch {count:2}  {rates}")


def kernels(network: SRN, options: argparse.Namespace, device: torch.device) -> None:
    width, height = map(int, options.size.split("x"))
    image = torch.rand(1, 3, height, width, device=device).contiguous(memory_format=torch.channels_last)
    network(image)
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        seconds_of(lambda: network(image), device)
    order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=order, row_limit=16, max_name_column_width=60))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, multiples of 16")
    parser.add_argument("--small", type=int, default=256, help="side of the small images, a multiple of 16")
    parser.add_argument("--kernel", type=int, default=5, choices=(3, 5))
    parser.add_argument("--precision", default="fp16,bf16,fp32", help="several separated by commas")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="torch.compile too, which takes minutes")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.backends.cudnn.allow_tf32 = False
    started = time.perf_counter()
    print(f"{gpu_name(device) or processor_name()}, PyTorch {torch.__version__}")
    print(f"kernel {options.kernel}, {options.size}, medians of {options.rounds} rounds")
    with torch.inference_mode():
        whole_images(options, device)
        dtype = PRECISIONS[options.precision.split(",")[0]]
        network = network_of(options.kernel, 3).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches(network, options, device)
        kernels(network, options, device)
    print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
