"""A photo of a hundred megapixels: its speed beside 1280x720 in the same process, and the memory it takes.

    python benchmarks/large_photo.py --size 12000x8333
    python benchmarks/large_photo.py --size 6000x4000 --model maxim-gopro-fast --precision bf16 --rounds 0

Prints megapixels per second of both, their ratio, and the process's peak memory beyond what it held with the model
loaded and the picture and its result in memory. Peak memory is Linux's VmHWM.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from pathlib import Path

import numpy as np

from deblurcli import Deblurrer


def memory(field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def picture(width: int, height: int) -> np.ndarray:
    """Noise, smoothed by repetition: the network's time does not depend on what is seen."""
    coarse = np.random.default_rng(0).integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[:height, :width])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="12000x8333", help="WIDTHxHEIGHT")
    parser.add_argument("--model", default="srn-fast")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=3, help="of 1280x720, before and after the large one; 0 for none")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    deblur = Deblurrer(options.model, options.device, options.precision)
    small, large = picture(1280, 720), picture(width, height)
    deblur.restore(small[:128, :128])  # prepares the weights

    def seconds(pixels: np.ndarray) -> float:
        started = time.perf_counter()
        deblur.restore(pixels)
        return time.perf_counter() - started

    times = [seconds(small) for _ in range(options.rounds)]
    held = memory("VmRSS") + large.nbytes  # and the result, which is of the same size
    long = seconds(large)
    peak = memory("VmHWM")
    times += [seconds(small) for _ in range(options.rounds)]
    speed = width * height / 1e6 / long
    print(f"{deblur.info.name} on {deblur.device}, {deblur.dtype}")
    beside = ""
    if times:
        usual = 1280 * 720 / 1e6 / statistics.median(times)
        print(f"1280x720   {usual:.3f} MP/s (median of {len(times)})")
        beside = f", {speed / usual:.2f} of that"
    print(f"{width}x{height} {speed:.3f} MP/s ({long:.1f} s){beside}")
    print(f"peak memory beyond the model, the picture and its result: {(peak - held) / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
