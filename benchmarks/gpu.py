"""How near a network comes to what a GPU can do: ways to run it, batches of small images, its kernels' shares of time.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --model maxim-gopro-fast

Without a model it is SRN with random weights; the time does not depend on them. All ways take turns in interleaved
rounds, a GPU being waited for around each. `plain` is the network in PyTorch, `graph` what the program does with images
up to two megapixels that come again where it does not cut them, `large` what it does with others, in the network's own
windows or parts, and `compiled` torch.compile, which the program does not use; its first run, which compiles, is told
apart. The peak is the fastest matrix product in the same number format, measured before and after. On the CPU the same
command runs, with nothing recorded.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from engine import network_of, psnr
from torch import Tensor

from deblurcli.bench.speed.flop import network_flop
from deblurcli.bench.speed.hardware import gpu_name, processor_name, seconds_of
from deblurcli.bench.speed.peak import matrix_peak
from deblurcli.models.load import load_model
from deblurcli.networks import architecture
from deblurcli.restore.deblurrer import default_part
from deblurcli.restore.device import PRECISIONS, pick_device
from deblurcli.restore.graphs import Graphs
from deblurcli.tiling.budget import PixelBudget

PEAK_SECONDS = 2.0
BATCHES = (1, 2, 4, 8, 16)

Way = Callable[[Tensor], Tensor]


def network_for(options: argparse.Namespace) -> tuple[Any, str, dict[str, Any]]:
    """The network on the CPU in float32, its architecture's name and its hyper-parameters."""
    if options.model:
        network, info = load_model(options.model)
        return network, info.architecture, dict(info.config)
    return network_of(options.kernel, 3), "srn", {"kernel_size": options.kernel, "resize": "area"}


class Held:
    """An image on its device as a source."""

    def __init__(self, image: Tensor) -> None:
        self.image, self.height, self.width = image, image.shape[2], image.shape[3]

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        return self.image[:, :, top:bottom, left:right]


def large(network: Any, kind: str) -> Way:
    """As the program restores an image for which it has no recording."""
    known = architecture(kind)

    def way(x: Tensor) -> Tensor:
        result = torch.empty_like(x)

        def emit(top: int, left: int, part: Tensor) -> None:
            result[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part

        pixels = default_part(known, network, x.device)
        known.run(network, Held(x), emit, PixelBudget(pixels), lambda share: None)
        return result

    return way


def compiled(network: Any, image: Tensor) -> tuple[Way, float]:
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
    exact, kind, config = network_for(options)
    multiple = exact.config.size_multiple
    width, height = (side + -side % multiple for side in map(int, options.size.split("x")))
    channels = exact.config.image_channels
    image = torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(1)).to(device)
    exact = exact.to(device)
    wanted = exact(image)[-1]
    flop = network_flop(kind, config, width, height) / (3 // channels)
    for precision in options.precision.split(","):
        dtype = PRECISIONS[precision]
        plain = copy.deepcopy(exact).to(dtype)
        layout = torch.channels_last
        inner = copy.deepcopy(plain).to(memory_format=layout)  # type: ignore[call-overload]
        ways: dict[str, Way] = {
            "plain": lambda x, plain=plain: plain(x)[-1],  # type: ignore[misc]
            "plain channels_last": lambda x, inner=inner: inner(x)[-1],  # type: ignore[misc]
            "graph channels_last": Graphs(inner),
            "large channels_last": large(inner, kind),
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


def batches(network: Any, options: argparse.Namespace, device: torch.device) -> None:
    ways: dict[str, Way] = {}
    images: dict[str, Tensor] = {}
    side = options.small + -options.small % network.config.size_multiple
    for count in BATCHES:
        image = torch.rand(count, network.config.image_channels, side, side, device=device)
        for name, way in (("plain", lambda x: network(x)[-1]), ("graph", Graphs(network))):
            ways[f"{name} {count}"] = way
            images[f"{name} {count}"] = image.contiguous(memory_format=torch.channels_last)
    times = medians(ways, images, options.rounds)
    print(f"\n{side}x{side} in batches, images a second")
    for count in BATCHES:
        rates = "  ".join(f"{name} {count / times[f'{name} {count}']:8.1f}" for name in ("plain", "graph"))
        print(f"batch {count:2}  {rates}")


def kernels(network: Any, options: argparse.Namespace, device: torch.device) -> None:
    multiple = network.config.size_multiple
    width, height = (side + -side % multiple for side in map(int, options.size.split("x")))
    channels = network.config.image_channels
    image = torch.rand(1, channels, height, width, device=device).contiguous(memory_format=torch.channels_last)
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
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to what the network takes")
    parser.add_argument("--small", type=int, default=256, help="side of the small images, rounded up too")
    parser.add_argument("--model", help="a model's name or a file; by default SRN with random weights")
    parser.add_argument("--kernel", type=int, default=5, choices=(3, 5), help="of SRN with random weights")
    parser.add_argument("--precision", default="fp16,bf16,fp32", help="several separated by commas")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="torch.compile too, which takes minutes")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.backends.cudnn.allow_tf32 = False
    started = time.perf_counter()
    print(f"{gpu_name(device) or processor_name()}, PyTorch {torch.__version__}")
    what = options.model or f"srn with random weights, kernel {options.kernel}"
    print(f"{what}, {options.size}, medians of {options.rounds} rounds")
    with torch.inference_mode():
        whole_images(options, device)
        dtype = PRECISIONS[options.precision.split(",")[0]]
        network = network_for(options)[0].to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches(network, options, device)
        kernels(network, options, device)
    print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
