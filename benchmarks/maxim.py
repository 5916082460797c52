"""MAXIM in the compiled library, in pieces in PyTorch, and as the network itself: processor seconds, the largest
difference, and peak memory.

    python benchmarks/maxim.py --stages 1 --threads 1
    python benchmarks/maxim.py --stages 1 --threads 1 --only native --only pieces --rounds 5 --precision bf16

Weights are random; neither time nor memory depends on them. Each way runs in a process of its own, so that the peak,
Linux's VmHWM, is its own. What is printed is above what the process held with the network and the image. Rounds are
interleaved; the figures are medians, and so is the ratio, of those of each round.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from deblurcli.native import library
from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.native_blocks import native_blocks
from deblurcli.networks.maxim.network import MAXIM, RELEASED
from deblurcli.restore.device import PRECISIONS

WAYS = ("network", "pieces", "native")


def memory(field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process, in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def measure(options: argparse.Namespace) -> None:
    """Run one way and leave its figures and its picture in a file."""
    way = options.only[0]
    if way == "pieces":
        os.environ[library.VARIABLE] = "torch"
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = MAXIM(replace(RELEASED, stages=options.stages)).eval().requires_grad_(False)
    network.to(PRECISIONS[options.precision])
    if way == "native" and native_blocks(network) is None:
        raise SystemExit("there is no native code for this processor and precision; see deblur doctor")
    width, height = (side + -side % 64 for side in map(int, options.size.split("x")))
    x = torch.rand(1, 3, height, width)
    run = network if way == "network" else lambda x: pictures(network, x)
    with torch.inference_mode():
        run(x[:, :, :64, :64])  # loads the libraries
        held, started, began = memory("VmRSS"), time.process_time(), time.perf_counter()
        result = run(x)[-1]
        spent, wall, most = time.process_time() - started, time.perf_counter() - began, memory("VmHWM") - held
    torch.save((spent, wall, most, result), options.result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, default=1)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to multiples of 64")
    parser.add_argument("--precision", default="fp32", choices=tuple(PRECISIONS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", choices=WAYS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)  # of a process of its own
    options = parser.parse_args()
    if options.result:
        measure(options)
        return
    ways = options.only or WAYS
    print(f"MAXIM, stages: {options.stages}, {options.size}, threads: {options.threads}", flush=True)
    found: dict[str, list[tuple[float, float, int, torch.Tensor]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for way in ways:
                result = Path(folder) / way
                command = [sys.executable, __file__, "--only", way, "--result", str(result)]
                for name in ("stages", "size", "precision", "threads"):
                    command += [f"--{name}", str(getattr(options, name))]
                subprocess.run(command, check=True)
                found[way].append(torch.load(result))
    first = ways[0]
    for way in ways:
        spent, wall, most = (statistics.median(values) for values in list(zip(*found[way], strict=True))[:3])
        line = f"{way:8} {options.precision}  {spent:7.1f} s of processors, {wall:6.1f} s  {most / 2**30:.2f} GiB"
        if way != first:
            ratio = statistics.median(one[0] / two[0] for one, two in zip(found[first], found[way], strict=True))
            difference = float((found[first][0][3] - found[way][0][3]).abs().max())
            line += f"  x{ratio:.2f} of {first}, largest difference {difference:.1e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
