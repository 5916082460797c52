"""Sources that would keep a reader busy for ever: chains that run in circles, pipes, and pictures made to do harm."""

import io
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images import limits, read_photo
from deblurcli.images.size import pixels_of

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
PICTURE = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def tiff(links, big=False, order="<"):
    """A grey TIFF of 4 x 3 whose directories, all of the same picture, each lead to the one of this number in `links`,
    or nowhere (None), or to this very offset ("@123")."""
    word, header = ("Q", 16) if big else ("I", 8)
    entry = "HHQQ" if big else "HHII"
    start = header + 12
    values = {256: 4, 257: 3, 258: 8, 259: 1, 262: 1, 273: header, 277: 1, 278: 3, 279: 12}
    number = "Q" if big else "H"
    length = struct.calcsize("<" + number) + len(values) * struct.calcsize("<" + entry) + struct.calcsize("<" + word)

    def offset(link):
        return 0 if link is None else int(link[1:]) if isinstance(link, str) else start + link * length

    mark = b"II" if order == "<" else b"MM"
    first = struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0) if big else (42,)), start)
    data = mark + first + PICTURE.tobytes()
    for link in links:
        data += struct.pack(order + number, len(values))
        for tag, value in values.items():
            data += struct.pack(order + entry, tag, 16 if big else 4, 1, value)
        data += struct.pack(order + word, offset(link))
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("links", [[None], [0], ["@3"], ["@999999"], ["@4294967295"]])
def test_a_tiff_that_leads_back_or_nowhere_is_its_first_picture(links, big, order):
    photo = read_photo(tiff(links, big, order))
    np.testing.assert_array_equal(photo.pixels, PICTURE)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("links", [[1, 0], [1, 1], [1, 2, 0], [1, 2, 1]])
def test_a_larger_circle_has_as_many_pages_as_directories(links, big):
    with pytest.raises(InputError, match=f"a file of {len(links)} pages"):
        read_photo(tiff(links, big))


def test_a_document_of_very_many_pages_is_refused():
    links = [*range(1, limits.MOST_PAGES + 5), None]
    with pytest.raises(InputError, match=f"more than {limits.MOST_PAGES} pages"):
        read_photo(tiff(links))


def test_a_jpeg_of_thousands_of_scans_is_refused(colour8):
    file = io.BytesIO()
    Image.fromarray(colour8).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    with pytest.raises(InputError, match="scans"):
        read_photo(data[:last] + data[last:-2] * 3000 + b"\xff\xd9")


def test_a_forged_number_of_samples_is_refused():
    data = bytearray(tiff([None]))
    for tag, value in ((256, 20000), (257, 20000), (277, 60000)):
        at = data.index(struct.pack("<HHI", tag, 4, 1))
        data[at + 8 : at + 12] = struct.pack("<I", value)
    with pytest.raises(InputError, match="of memory to be read"):
        read_photo(bytes(data))


def test_a_picture_that_needs_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda: 200 << 20)
    with pytest.raises(InputError, match=r"10000 x 8000 pixels need about 1\.5 GiB .* 0\.2 GiB\s+are free"):
        limits.check_size(10000, 8000)
    limits.check_size(3000, 2000)
    monkeypatch.setattr(limits, "free_memory", lambda: None)
    limits.check_size(10000, 8000)


def test_a_file_longer_than_the_memory_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "film.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(40 << 30)  # a hole; it takes no room on the disk
    with pytest.raises(InputError, match=r"a file of 40\.0 GiB, where 16\.0 GiB is the limit"):
        read_photo(path)
    with path.open("r+b") as file:
        file.truncate(10 << 30)
    monkeypatch.setattr(limits, "free_memory", lambda: 1 << 30)
    with pytest.raises(InputError, match=r"a file of 10\.0 GiB, and 1\.0 GiB of memory"):
        read_photo(path)


def fed(path, data):
    def feed():
        with path.open("wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread


@needs_pipes
def test_a_named_pipe_is_read_once(tmp_path, colour8):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    file = io.BytesIO()
    Image.fromarray(np.tile(colour8, (9, 9, 1))).save(file, "PNG")
    writer = fed(pipe, file.getvalue())
    assert pixels_of(pipe) is None  # which would hang, or take what is to be read
    np.testing.assert_array_equal(read_photo(pipe).pixels, np.tile(colour8, (9, 9, 1)))
    writer.join(10)
    assert not writer.is_alive()


@needs_pipes
def test_other_content_of_a_pipe_is_refused_at_its_beginning(tmp_path):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    fed(pipe, b"no picture " * 20)
    with pytest.raises(InputError, match="not a photograph"):
        read_photo(pipe)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no such devices")  # noqa: PTH110
def test_devices(tmp_path, colour8, monkeypatch):
    from pathlib import Path

    with pytest.raises(InputError, match="not a photograph"):
        read_photo(Path("/dev/zero"))
    with pytest.raises(InputError, match="empty"):
        read_photo(Path("/dev/null"))
    monkeypatch.setattr("deblurcli.images.source.MOST_STREAM_BYTES", 1 << 20)
    file = io.BytesIO()
    Image.fromarray(colour8).save(file, "PNG")
    endless = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nwhile True: sys.stdout.buffer.write(sys.argv[1].encode('latin1'))",
            "x" * 64,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert endless.stdout is not None
    joined = io.BufferedReader(_Joined(file.getvalue(), endless.stdout))
    with pytest.raises(InputError, match="save it as a file first"):
        read_photo(joined)
    endless.stdout.close()
    endless.kill()
    endless.wait()


class _Joined(io.RawIOBase):
    """A beginning, and then what another file has."""

    def __init__(self, beginning, rest):
        self.beginning, self.rest = io.BytesIO(beginning), rest

    def readable(self):
        return True

    def readinto(self, buffer):
        part = self.beginning.read(len(buffer)) or self.rest.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)
