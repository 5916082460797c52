"""MAXIM a piece at a time beside the network itself: processor seconds, the largest difference, and peak memory.

    python benchmarks/maxim.py --stages 1 --threads 1
    python benchmarks/maxim.py --stages 3 --only pieces --precision bf16

Weights are random; neither time nor memory depends on them. Each way runs in a process of its own, so that the peak,
Linux's VmHWM, is its own. What is printed is above what the process held with the network and the image.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.network import MAXIM, RELEASED
from deblurcli.restore.device import PRECISIONS


def memory(field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process, in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def measure(options: argparse.Namespace) -> None:
    """Run one way, print its figures and leave its picture in a file."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = MAXIM(replace(RELEASED, stages=options.stages)).eval().requires_grad_(False)
    network.to(PRECISIONS[options.precision])
    width, height = (side + -side % 64 for side in map(int, options.size.split("x")))
    x = torch.rand(1, 3, height, width)
    run = network if options.only == "network" else lambda x: pictures(network, x)
    with torch.inference_mode():
        run(x[:, :, :64, :64])  # loads the libraries
        held, started = memory("VmRSS"), time.process_time()
        result = run(x)[-1]
        spent, most = time.process_time() - started, memory("VmHWM") - held
    print(f"{options.only:8} {options.precision}  {spent:7.1f} s  {most / 2**30:.2f} GiB", flush=True)
    torch.save(result, options.result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, default=1)
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT, rounded up to multiples of 64")
    parser.add_argument("--precision", default="fp32", choices=tuple(PRECISIONS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=("network", "pieces"))
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)  # of a process of its own
    options = parser.parse_args()
    if options.result:
        measure(options)
        return
    print(f"MAXIM, stages: {options.stages}, {options.size}, threads: {options.threads}", flush=True)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for way in (options.only,) if options.only else ("network", "pieces"):
            result = Path(folder) / way
            command = [sys.executable, __file__, "--only", way, "--result", str(result)]
            for name in ("stages", "size", "precision", "threads"):
                command += [f"--{name}", str(getattr(options, name))]
            subprocess.run(command, check=True)
            results.append(torch.load(result))
    if len(results) > 1:
        print(f"largest difference {float((results[0] - results[1]).abs().max()):.1e}")


if __name__ == "__main__":
    main()
