"""Standard streams as people have them: closed, on a full disk, pipes that never answer, readers that go away."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full disk")  # noqa: PTH110


@pytest.fixture
def shell(tmp_path):
    """Run a line of shell with `deblur` in it, such as "deblur a.jpg -o - >&-", in `tmp_path`."""

    def run(line, timeout=300):
        program = f'deblur() {{ "{sys.executable}" -m deblurcli "$@"; }}\n'
        return subprocess.run(
            ["bash", "-c", program + line], cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


def one_line(done):
    assert done.stderr.strip().count("\n") == 0 and done.stderr.startswith("deblur: "), done.stderr
    return done.stderr


def test_a_picture_for_a_full_disk(shell, photo, small_model):
    photo("a.png")
    done = shell(f"deblur a.png -o - --model {small_model} > /dev/full")
    assert done.returncode == 1
    assert "No space left on device" in one_line(done)


def test_records_for_a_full_disk(shell, photo, small_model, tmp_path):
    for name in ("in/a.png", "in/b.png", "in/c.jpg"):
        photo(name)
    for command in ("", "batch"):
        done = shell(f"deblur {command} in -o out{command} --json --model {small_model} > /dev/full")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.count("No space left on device") == 1
        assert "3 done" in done.stderr
        results = [path.name for path in (tmp_path / f"out{command}").glob("[!.]*")]
        assert sorted(results) == ["a.png", "b.png", "c.jpg"]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("deblur - -o b.png <&-", 3, "standard input: closed"),
        ("deblur - <&-", 3, "standard input: closed"),
        ("deblur a.png -o - >&-", 1, "standard output: closed"),
        ("deblur - < a.png >&-", 1, "standard output: closed"),
        ("deblur --help > /dev/full", 1, "standard output: cannot be written"),
        ("deblur --version > /dev/full", 1, "standard output: cannot be written"),
        ("deblur weights list > /dev/full", 1, "standard output: cannot be written"),
        ("deblur weights list --json >&-", 1, "standard output: closed"),
        ("mkdir gone; cd gone; rmdir ../gone; deblur a.png", 2, "not there any more"),
        ('deblur ""', 2, "empty"),
        ('deblur a.png "" -o b.png', 2, "empty"),
        ('deblur a.png -o ""', 2, "-o: an argument is empty"),
        ("deblur a.png --output=", 2, "--output: an argument is empty"),
        ('deblur batch "" -o out', 2, "empty"),
        ('deblur batch a.png -o ""', 2, "empty"),
        ('deblur a.png --newer-than ""', 2, "--newer-than: an argument is empty"),
    ],
)
def test_what_cannot_be_is_one_line(shell, photo, tmp_path, small_model, line, code, words):
    photo("a.png")
    done = shell(line)
    assert done.returncode == code, done.stderr
    assert words in one_line(done)
    assert [path.name for path in tmp_path.iterdir() if path.name != "model"] == ["a.png"]


def test_nobody_to_tell(shell, photo, small_model, tmp_path):
    photo("a.png")
    for name, streams in (("full.png", "2> /dev/full"), ("closed.png", "2>&-"), ("none.png", "<&- >&- 2>&-")):
        done = shell(f"deblur a.png -o {name} --model {small_model} {streams}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert Image.open(tmp_path / name).size == (70, 50)
    assert shell("deblur --no-such-option 2> /dev/full").returncode == 2
    assert shell("deblur missing.png 2>&-").returncode == 3


def test_a_reader_that_goes_away(shell, photo, small_model):
    for index in range(5):
        photo(f"in/{index}.png", 300, 200)
    done = shell(f"deblur in -o out --json --model {small_model} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == "1\n"
    assert "nobody reads standard output any more; not done:" in done.stderr
    assert "Traceback" not in done.stderr
    assert shell("deblur weights list | true; echo ${PIPESTATUS[0]}").stderr == ""


def test_pipes_in_all_places(shell, photo, small_model, tmp_path):
    photo("a.png")
    lines = [
        "deblur <(cat a.png) -o 1.png",
        "cat a.png | deblur /dev/stdin -o 2.png",
        "mkfifo in; (cat a.png > in &); deblur in -o 3.png",
        "mkfifo out; (cat out > 4.png &); deblur a.png -o out",
        "deblur a.png -o /dev/stdout > 5.png",
    ]
    for line in lines:
        done = shell(
            f"{line} --model {small_model}" if ">" not in line[-8:] else line.replace(" >", f" --model {small_model} >")
        )
        assert done.returncode == 0, done.stderr
    time.sleep(0.2)
    first = np.asarray(Image.open(tmp_path / "1.png"))
    for name in ("2.png", "3.png", "4.png", "5.png"):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), first)


@pytest.mark.parametrize("command", [[], ["batch"]], ids=["deblur", "batch"])
def test_one_signal_ends_a_run_whose_reader_does_not_answer(photo, small_model, tmp_path, command):
    photo("a.png"), photo("b.png")
    os.mkfifo(tmp_path / "silent.png")
    arguments = [*command, "silent.png", "a.png", "b.png", "-o", "out", "--model", str(small_model)]
    process = subprocess.Popen(
        [sys.executable, "-m", "deblurcli", *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("out/*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "2 done, 1 not done" in errors
    assert "Traceback" not in errors
