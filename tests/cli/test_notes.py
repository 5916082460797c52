"""What a user sees of a photo with more in it than pixels: upright results, and a line for whatever is not kept."""

import io
import json
import struct

import numpy as np
from PIL import Image


def as_long(path, orientation):
    """Make the orientation of a JPEG's EXIF a LONG, which some programs write."""
    data = path.read_bytes()
    short = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    assert data.count(short) == 1
    path.write_bytes(data.replace(short, struct.pack(">HHII", 0x0112, 4, 1, orientation)))


def lying(photo, name):
    """A photo that lies on its side."""
    block = Image.Exif()
    block[0x0112] = 6
    path = photo(name, exif=block.tobytes(), quality=95)
    as_long(path, 6)
    return path


def test_a_photo_that_lies_on_its_side_and_its_comparison(deblur, photo, small_model, tmp_path):
    source = lying(photo, "a.jpg")
    upright = np.rot90(np.asarray(Image.open(source)), -1).astype(int)
    done = deblur(source, "-o", "b.avif", "--model", small_model, "--compare")
    assert done.returncode == 0, done.stderr
    for name in ("b.avif", "b-compare.jpg"):
        image = Image.open(tmp_path / name)
        assert image.getexif().get(0x0112, 1) == 1
        left = np.asarray(image.convert("RGB"))[:, : upright.shape[1]].astype(int)
        assert image.height == 70 and np.abs(left - upright).mean() < 40  # it is restored, and compressed


def test_what_is_not_kept_is_told(deblur, photo, small_model, tmp_path):
    source = photo("a.jpg")
    with Image.open(source) as image:
        view = io.BytesIO()
        image.resize((20, 10)).save(view, "JPEG")
    source.write_bytes(source.read_bytes() + view.getvalue())
    done = deblur(source, "-o", "b.jpg", "--model", small_model, "--json")
    assert json.loads(done.stdout)["notes"] == ["not in the result: second picture"]
    done = deblur(source, "-o", "-", "--model", small_model, text=False)
    assert done.stderr.decode().splitlines()[-1] == "deblur: not in the result: second picture"
    assert Image.open(io.BytesIO(done.stdout)).size == (70, 50)
