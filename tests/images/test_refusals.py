"""Files that are no photograph deblur can use: one clear line each, and silence on the terminal."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import read_photo


def refusal(source, name=None):
    with pytest.raises(InputError) as caught:
        read_photo(source, name)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 400
    return line


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def test_missing_file(tmp_path):
    assert refusal(tmp_path / "none.jpg") == f"{tmp_path / 'none.jpg'}: no such file; check the name"


def test_folder(tmp_path):
    assert "a folder" in refusal(tmp_path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    assert "empty (0 bytes)" in refusal(path)


@pytest.mark.parametrize("content", [b"hello, I am text\n" * 20, b"\0" * 5000, b"<html></html>", b"%PDF-1.7", b"x"])
def test_other_content_under_a_photograph_name(tmp_path, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    line = refusal(path)
    assert "not a photograph" in line and str(path) in line


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    assert "no permission" in refusal(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_file(tmp_path, colour8, format, part, capfd):
    path = tmp_path / "photo"
    data = saved(Image.fromarray(np.tile(colour8, (4, 4, 1))), format)
    path.write_bytes(data[: int(len(data) * part)])
    line = refusal(path)
    assert "damaged or incomplete" in line and line.startswith(str(path))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_truncated_16_bit_tiff(colour16, compression):
    file = io.BytesIO()
    tifffile.imwrite(file, colour16, photometric="rgb", compression=compression)
    assert "damaged or incomplete" in refusal(file.getvalue()[:-200])


def test_a_damaged_cmyk_tiff_prints_nothing(colour8, capfd):
    data = bytearray(
        saved(Image.fromarray(np.dstack([colour8, colour8[..., 0]]), "CMYK"), "TIFF", compression="tiff_lzw")
    )
    data[40:200] = np.random.default_rng(0).integers(0, 256, 160).astype(np.uint8).tobytes()
    assert "damaged or incomplete" in refusal(bytes(data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"])
def test_scrambled_content_never_escapes_as_another_error(colour8, format, capfd):
    data = saved(Image.fromarray(colour8), format)
    for seed in range(12):
        random = np.random.default_rng(seed)
        broken = bytearray(data)
        for at in random.integers(12, len(data), 12):
            broken[at] = random.integers(256)
        try:
            read_photo(bytes(broken))
        except InputError as problem:
            assert "\n" not in str(problem)
    assert capfd.readouterr().err == ""


def png_claiming(width, height, depth=8):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_gigantic_claim_is_refused_before_decoding(depth):
    assert "60000 x 60000 pixels is over the limit" in refusal(png_claiming(60000, 60000, depth))


def test_a_gigantic_bmp_is_refused(colour8):
    data = bytearray(saved(Image.fromarray(colour8), "BMP"))
    data[18:26] = struct.pack("<ii", 60000, 60000)
    assert "over the limit" in refusal(bytes(data))


def test_a_large_real_picture_passes_without_a_warning(capfd, recwarn):
    # Beyond Pillow's own limit for its warning, at one bit a pixel.
    data = saved(Image.new("1", (13000, 8000)), "PNG")
    assert read_photo(data).pixels.shape == (8000, 13000)
    assert not recwarn.list and capfd.readouterr().err == ""


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animations_are_refused_with_their_number_of_frames(colour8, format):
    frames = [Image.fromarray(np.roll(colour8, 9 * step, axis=1)) for step in range(3)]
    line = refusal(saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100))
    assert "animation of 3 frames" in line


def test_multi_page_tiff(colour8):
    pages = [Image.fromarray(colour8)] * 2
    assert "2 pages" in refusal(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint32])
def test_samples_without_a_defined_range(kind):
    file = io.BytesIO()
    tifffile.imwrite(file, np.ones((8, 8), kind))
    assert "16-bit TIFF or PNG" in refusal(file.getvalue())


@pytest.mark.parametrize("name", ["a.NEF", "a.cr2", "a.dng", "a.cr3"])
def test_camera_raw_is_to_be_developed(tmp_path, colour8, name):
    path = tmp_path / name
    path.write_bytes(saved(Image.fromarray(colour8), "TIFF"))
    assert "camera raw file; develop it to TIFF or JPEG first" in refusal(path)


def test_dng_without_a_name_is_known_by_its_tag(colour16):
    file = io.BytesIO()
    tifffile.imwrite(file, colour16, photometric="rgb", extratags=[(50706, "B", 4, b"\1\4\0\0", True)])
    assert "camera raw file" in refusal(file.getvalue())


def test_heic_without_its_package_names_the_extra(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(100))
    # A fresh interpreter in which the optional package cannot be found.
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from pathlib import Path; from deblurcli.images import read_photo\n"
        "try: read_photo(Path(sys.argv[1]))\n"
        "except Exception as problem: print(type(problem).__name__, problem)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InputError") and 'pip install "deblurcli[heif]"' in done.stdout


def test_the_name_given_for_bytes_is_in_the_message():
    assert refusal(b"", "upload 7").startswith("upload 7: ")
    assert refusal(b"").startswith("standard input: ")


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path):
    assert "two\\nlines.jpg" in refusal(tmp_path / "two\nlines.jpg")


@pytest.mark.parametrize("compression", ["jpeg2000", "png", "webp"])
def test_a_strip_that_claims_to_be_larger_than_the_page_is_refused(colour8, compression):
    file = io.BytesIO()
    tifffile.imwrite(file, colour8, photometric="rgb", compression=compression)
    data = bytearray(file.getvalue())
    if compression == "png":
        at = data.index(b"IHDR")
        struct.pack_into(">II", data, at + 4, 30_000, 30_000)
    elif compression == "webp":
        at = data.index(b"VP8L")
        struct.pack_into("<I", data, at + 9, 16_000 | 16_000 << 14)
    else:
        at = data.index(b"\xff\x4f\xff\x51")
        struct.pack_into(">II", data, at + 8, 30_000, 30_000)
    assert read_photo(file.getvalue()).pixels.shape == colour8.shape
    assert "claims to be larger" in refusal(bytes(data))
