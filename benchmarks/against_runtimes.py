"""A network in this package's native code and in other runtimes, in interleaved rounds on the same weights.

    pip install openvino onnxruntime onnx
    python benchmarks/against_runtimes.py --size 1280x720 --network srn-5 --rounds 3 --runtime openvino

Networks: SRN with kernels of 3 or 5, MAXIM's first stage, NAFNet of width 32; weights are random.

Prints the median, the least and the most seconds of each, how many times faster the native code is in the same
precision, and how far each is from eager PyTorch in fp32 (the PSNR relative to the range of its values). A runtime's
times are those of its inference alone, without its compilation. ONNX Runtime computes float32 only on CPUs.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from engine import psnr
from subjects import NETWORKS, native_way, subject
from torch import Tensor

from deblurcli.native import library

RUNTIMES = ("openvino", "onnxruntime")


class LastPicture(torch.nn.Module):
    """The last result alone, at full resolution."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.network(image)[-1]
        return result


def openvino_way(network: torch.nn.Module, image: Tensor, precision: str, threads: int) -> Callable[[], Tensor]:
    import openvino

    model = openvino.convert_model(LastPicture(network), example_input=image, input=[tuple(image.shape)])
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return lambda: torch.from_numpy(compiled([image.numpy()])[0])


def onnxruntime_way(network: torch.nn.Module, image: Tensor, threads: int) -> Callable[[], Tensor]:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        torch.onnx.export(LastPicture(network), (image,), file, input_names=["image"], opset_version=18, dynamo=False)
        session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    return lambda: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to multiples of 64")
    parser.add_argument("--network", default="srn-5", choices=NETWORKS)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES, help="repeatable; both if it is not given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    runtimes = options.runtime or RUNTIMES
    torch.set_num_threads(options.threads)
    width, height = (side + -side % 64 for side in map(int, options.size.split("x")))
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    network = subject(options.network)
    with torch.inference_mode():
        exact = network(image)[-1]
        half = copy.deepcopy(network).to(torch.bfloat16)
        ways = {"native fp32": native_way(network, image), "native bf16": native_way(half, image)}
        if "openvino" in runtimes:
            ways["OpenVINO fp32"] = openvino_way(network, image, "f32", options.threads)
            ways["OpenVINO bf16"] = openvino_way(network, image, "bf16", options.threads)
        if "onnxruntime" in runtimes:
            ways["ONNX Runtime fp32"] = onnxruntime_way(network, image, options.threads)
        results = {name: way() for name, way in ways.items()}  # and all memory is there
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - started)
    print(f"{width}x{height}, {options.network}, {options.threads} threads, {options.rounds} rounds")
    others = ", ".join(f"{name} {version(name)}" for name in (*runtimes, "torch"))
    print(f"native {library.choose_backend().name}, {others}")
    for name, times in seconds.items():
        middle, native = (statistics.median(some) for some in (times, seconds[f"native {name.split()[-1]}"]))
        print(
            f"{name:22} {middle:7.3f} s ({min(times):.3f} to {max(times):.3f})  native x{middle / native:.2f}"
            f"  PSNR {psnr(results[name], exact):.0f} dB"
        )


if __name__ == "__main__":
    main()
