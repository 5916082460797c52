"""How far photos that are restored in half precision are from those restored in float32.

    python benchmarks/precisions.py --model srn-fast --precision bf16 photo.jpg another.jpg

Prints for each model the least, the median and the most of the photos' PSNR in dB, of the 8-bit results against each
other, and the largest difference of a single value, in levels of 255.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np

from deblurcli import Deblurrer
from deblurcli.images import read_photo
from deblurcli.metrics.psnr import psnr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--precision", default="bf16", choices=("bf16", "fp16"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("photos", type=Path, nargs="+")
    options = parser.parse_args()
    photos = [read_photo(path).pixels for path in options.photos]
    for model in options.model:
        exact, quick = (Deblurrer(model, options.device, precision) for precision in ("fp32", options.precision))
        ratios, levels = [], []
        for pixels in photos:
            wanted, result = exact.restore(pixels).pixels, quick.restore(pixels).pixels
            ratios.append(psnr(result, wanted))
            levels.append(int(np.abs(result.astype(int) - wanted).max()))
        print(
            f"{model}, {options.precision} on {exact.device}, {len(photos)} photos: {min(ratios):.1f},"
            f" {statistics.median(ratios):.1f} and {max(ratios):.1f} dB, {max(levels)} levels"
        )


if __name__ == "__main__":
    main()
