"""What reading one file takes: a picture of zeros, small on the disk, within the bound that is stated."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from file_makers import tiff_file
from PIL import Image

from deblurcli.images.limits import COPIES

MEASURE = """
import sys
from pathlib import Path
import deblurcli.images.decode, deblurcli.images.heif, deblurcli.images.png, deblurcli.images.tiff
import tifffile, imagecodecs, simplejpeg, numpy
def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
def read(path):
    try:
        return deblurcli.images.read_photo(Path(path)).pixels.nbytes
    except deblurcli.errors.InputError:
        return 0
read(sys.argv[1])  # a small one, so that what is loaded is not counted
before = peak()
print(read(sys.argv[2]), peak() - before)
"""


def made(format, side):
    file = io.BytesIO()
    colour = Image.new("RGB", (side, side))
    match format:
        case "png 16":
            file.write(imagecodecs.png_encode(np.zeros((side, side, 3), np.uint16)))
        case "tiff 16":
            tifffile.imwrite(
                file, np.zeros((side, side, 3), np.uint16), photometric="rgb", compression="deflate", rowsperstrip=64
            )
        case "avif 10":
            samples = np.zeros((side, side, 3), np.uint16)
            file.write(imagecodecs.avif_encode(samples, 50, bitspersample=10, pixelformat="yuv444", speed=10))
        case "heif" | "heif 10":
            mode, samples = ("RGB", np.uint8) if format == "heif" else ("RGB;16", np.uint16)  # type: ignore[assignment]
            image = pytest.importorskip("pillow_heif").from_bytes(
                mode, (side, side), np.zeros((side, side, 3), samples).tobytes()
            )
            image.save(file, quality=50)
        case "cmyk":
            colour.convert("CMYK").save(file, "JPEG")
        case "turned":
            exif = Image.Exif()
            exif[0x0112] = 6
            colour.save(file, "JPEG", exif=exif)
        case _:
            colour.save(file, format)
    return file.getvalue()


KINDS = [
    "turned",
    "cmyk",
    "PNG",
    "png 16",
    "tiff 16",
    "WEBP",
    "AVIF",
    "avif 10",
    "heif",
    "heif 10",
    "BMP",
    "GIF",
]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the memory of a process")
@pytest.mark.parametrize("format", KINDS)
def test_memory_for_one_picture(tmp_path, format):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(made(format, 40))
    large.write_bytes(made(format, 3000))
    command = [sys.executable, "-c", MEASURE, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, taken = map(int, done.stdout.split())
    bytes_per_pixel = 6 if format.endswith(("16", "10")) else 4
    bound = COPIES * bytes_per_pixel * 3000 * 3000 + 2 * large.stat().st_size
    assert taken < bound, f"{taken / bound:.2f} of what is stated"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the memory of a process")
@pytest.mark.parametrize("counted", [True, False])
def test_a_strip_that_unpacks_to_far_too_much(tmp_path, counted):
    """Also where the file does not say how long it is, which has to be found out."""
    small, bomb = tmp_path / "small", tmp_path / "bomb"
    small.write_bytes(made("tiff 16", 40))
    strip = zlib.compress(bytes(300 << 20), 9)
    layout = [(259, 3, 8), (273, 4, 8 + 1000 * 1000), (279, 4, len(strip) if counted else 0)]
    data = tiff_file(np.zeros((1000, 1000), np.uint8), layout=layout)
    at = int.from_bytes(data[4:8], "little")  # of the directory, which has no values elsewhere
    bomb.write_bytes(data[:4] + struct.pack("<I", at + len(strip)) + data[8:at] + strip + data[at:])
    command = [sys.executable, "-c", MEASURE, str(small), str(bomb)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, taken = map(int, done.stdout.split())
    assert taken < 100 << 20
