"""How much of what the network did to a JPEG is left when the result is compressed again.

    python benchmarks/jpeg_recompression.py PHOTO... [--model NAME]

The middle of each photo is compressed at several qualities, restored, and compressed with its own tables and with those
that `deblurcli.images.jpeg_tables` gives. "left" is the part of the change that is still there, "error" what coding
adds, in levels of 255, and "size" the file's by the source's.
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict

import numpy as np
from PIL import Image

from deblurcli import Deblurrer
from deblurcli.images.jpeg_tables import kept
from deblurcli.images.photo import JpegCoding

QUALITIES = (2, 10, 20, 30, 40, 50, 60, 70, 80, 90)
SIDE = 320


def compressed(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", subsampling=2, optimize=True, **options)
    return file.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--model", default="srn-fast")
    arguments = parser.parse_args()
    deblurrer = Deblurrer(arguments.model, "cpu")
    found: dict[tuple[int, str], list[tuple[float, float, float]]] = defaultdict(list)
    for photo in arguments.photos:
        picture = Image.open(photo).convert("RGB")
        left, top = ((length - SIDE) // 2 for length in picture.size)
        middle = np.asarray(picture.crop((left, top, left + SIDE, top + SIDE)))
        for quality in QUALITIES:
            data = compressed(middle, quality=quality)
            source = decoded(data)
            result = deblurrer(source)
            change = result.astype(np.float64) - source
            tables = tuple(tuple(table) for table in Image.open(io.BytesIO(data)).quantization.values())  # type: ignore[attr-defined]
            for name, used in (("own", tables), ("kept", kept(JpegCoding(tables, 2, False))[0])):
                again = compressed(result, qtables=[list(table) for table in used])
                there = decoded(again).astype(np.float64)
                share = ((there - source) * change).sum() / (change**2).sum()
                found[quality, name].append((share, np.abs(there - result).mean(), len(again) / len(data)))
    print("quality  tables   left  error   size")
    for (quality, name), values in found.items():
        share, error, size = np.mean(values, 0)
        print(f"{quality:7}  {name:6} {share:6.2f} {error:6.2f} {size:6.2f}")


if __name__ == "__main__":
    main()
