"""How long a network takes beside other programs, by how long OpenMP's threads spin while they wait for each other.

    python benchmarks/busy_machine.py --network maxim-1 --size 640x384 --precision bf16 --others 1

GNU's OpenMP runtime reads GOMP_SPINCOUNT when it is loaded, so every measurement is a process of its own, in
interleaved rounds. 300000 is the runtime's own setting, the other the command's (`deblurcli/cli/waiting.py`). Other
programs are busy loops of one thread each. Prints the median, the least and the most of the processes' medians, and the
ratio to the first count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

import torch
from subjects import NETWORKS, native_way, subject

from deblurcli.cli.waiting import SPINS
from deblurcli.restore.device import PRECISIONS

COUNTS = ("300000", SPINS)


def measure(name: str, size: str, precision: str, repeats: int) -> float:
    """The median of a network's times in this process, in seconds."""
    width, height = (side + -side % 64 for side in map(int, size.split("x")))
    image, seconds = torch.rand(1, 3, height, width), []
    with torch.inference_mode():
        way = native_way(subject(name).to(PRECISIONS[precision]), image)
        way()
        for _ in range(repeats):
            began = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="maxim-1", choices=NETWORKS)
    parser.add_argument("--size", default="640x384", help="WIDTHxHEIGHT, rounded up to multiples of 64")
    parser.add_argument("--precision", default="bf16", choices=tuple(PRECISIONS))
    parser.add_argument("--others", type=int, default=0, help="busy programs beside it")
    parser.add_argument("--spins", action="append", help="a count to measure, repeatable")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="in each process")
    parser.add_argument("--here", action="store_true", help="measure once, in this process, and print the seconds")
    options = parser.parse_args()
    if options.here:
        print(measure(options.network, options.size, options.precision, options.repeats))
        return
    counts = options.spins or COUNTS
    seconds: dict[str, list[float]] = {count: [] for count in counts}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.others)]
    try:
        for _ in range(options.rounds):
            for count, taken in seconds.items():
                environment = {**os.environ, "GOMP_SPINCOUNT": count}
                done = subprocess.run(
                    [sys.executable, *sys.argv, "--here"], env=environment, stdout=subprocess.PIPE, check=True
                )
                taken.append(float(done.stdout))
    finally:
        for other in others:
            other.kill()
    print(f"{options.network}, {options.size}, {options.precision}, beside {options.others}, {options.rounds} rounds")
    first = statistics.median(seconds[counts[0]])
    for count, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{count:>7} spins {middle:7.3f} s ({min(taken):.3f} to {max(taken):.3f})  x{first / middle:.2f}")


if __name__ == "__main__":
    main()
