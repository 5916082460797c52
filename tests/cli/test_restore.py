"""`deblur` as a user meets it: a real process, real files, exit codes, and what lands on which stream."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

RECORDS = ".deblur-manifest.jsonl"


def pixels(path):
    return np.asarray(Image.open(path))


def one_line(text):
    assert text.strip().count("\n") == 0, text
    assert "Traceback" not in text
    return text.strip()


def test_one_photo(deblur, photo, small_model):
    source = photo("my photo é.jpg")
    before = source.read_bytes()
    done = deblur(source, "-o", "sharp.jpg", "--model", small_model)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    result = source.parent / "sharp.jpg"
    assert Image.open(result).size == (70, 50)
    assert not np.array_equal(pixels(result), pixels(source))
    assert source.read_bytes() == before
    assert "sharp.jpg" in done.stderr


def test_without_output_the_result_is_beside_the_input(deblur, photo, small_model):
    source = photo("a.png")
    assert deblur(source, "--model", small_model, "--quiet").stderr == ""
    assert (source.parent / "a-deblurred.png").exists()


def test_shipped_weights_are_the_default(deblur, photo):
    done = deblur(photo("a.png"), "-o", "b.png")
    assert done.returncode == 0, done.stderr
    assert "maxim-fast" in done.stderr


def test_existing_output(deblur, photo, small_model, tmp_path):
    source, target = photo("a.png"), tmp_path / "b.png"
    target.write_bytes(b"precious")
    refused = deblur(source, "-o", target, "--model", small_model)
    assert refused.returncode == 3
    assert "--overwrite" in one_line(refused.stderr)
    assert target.read_bytes() == b"precious"
    assert deblur(source, "-o", target, "--model", small_model, "--overwrite").returncode == 0
    assert Image.open(target).size == (70, 50)
    (tmp_path / "c-compare.jpg").write_bytes(b"precious too")
    refused = deblur(source, "-o", "c.png", "--model", small_model, "--compare")
    assert refused.returncode == 3
    assert "c-compare.jpg" in one_line(refused.stderr)
    assert not (tmp_path / "c.png").exists()


def test_the_input_is_never_overwritten(deblur, photo, small_model, tmp_path):
    source = photo("a.png")
    before = source.read_bytes()
    (tmp_path / "link.png").symlink_to(source)
    for target in (source, tmp_path / "link.png", tmp_path / "." / "a.png", tmp_path):
        refused = deblur(source, "-o", target, "--overwrite", "--model", small_model)
        assert refused.returncode == 2, refused.stderr
        assert "input" in one_line(refused.stderr)
    assert source.read_bytes() == before


def test_folder_is_mirrored_and_done_files_are_skipped(deblur, photo, small_model, tmp_path):
    for name in ("in/a.png", "in/sub/b.jpg", "in/sub/deeper/ü c.png", "in/.hidden/d.png"):
        photo(name)
    (tmp_path / "in" / "notes.txt").write_text("not a photo")
    flat = deblur("in", "-o", "flat", "--model", small_model)
    assert flat.returncode == 0, flat.stderr
    assert sorted(path.name for path in (tmp_path / "flat").rglob("*")) == [RECORDS, "a.png"]

    done = deblur("in", "-r", "-o", "out", "--model", small_model, "--json")
    assert done.returncode == 0, done.stderr
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == [RECORDS, "a.png", "sub/b.jpg", "sub/deeper/ü c.png"]
    records = [json.loads(line) for line in done.stdout.splitlines()]
    photos = [record for record in records[:-1] if record["status"] != "left out"]
    assert [record["status"] for record in photos] == ["done"] * 3
    assert photos[0]["width"] == 70
    assert photos[0]["mean_change_8bit"] > 0

    (tmp_path / "out" / "sub" / "b.jpg").unlink()
    again = deblur("in", "-r", "-o", "out", "--model", small_model)
    assert again.returncode == 0
    assert "1 done, 2 skipped" in again.stderr


def test_folder_without_output(deblur, photo, small_model, tmp_path):
    photo("in/a.png")
    assert deblur("in", "--model", small_model).returncode == 0
    assert (tmp_path / "in-deblurred" / "a.png").exists()
    again = deblur("in", "--model", small_model)  # a folder that is done is no error, even with a single photo
    assert again.returncode == 0
    assert "skipped" in again.stderr


def test_one_bad_file_does_not_stop_the_rest(deblur, photo, small_model, tmp_path):
    good = photo("good.png")
    (tmp_path / "bad.jpg").write_text("no picture")
    done = deblur("bad.jpg", "missing.jpg", good, "-o", "out/", "--model", small_model)
    assert done.returncode == 1
    assert (tmp_path / "out" / "good.png").exists()
    assert not (tmp_path / "out" / "bad.jpg").exists()
    assert "bad.jpg: not a photograph" in done.stderr
    assert "missing.jpg: no such file" in done.stderr
    assert "1 done, 2 failed" in done.stderr


def test_two_inputs_for_one_output(deblur, photo, small_model, tmp_path):
    photo("in/a.png")
    photo("in/a.jpg")
    refused = deblur("in", "-o", "out", "--format", "png", "--model", small_model)
    assert refused.returncode == 2
    assert "both become" in one_line(refused.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jpg"], 3, "no such file"),
        (["empty.jpg"], 3, "empty"),
        (["fake.jpg"], 3, "not a photograph"),
        (["cut.jpg"], 3, "damaged or incomplete"),
        (["folder"], 3, "no images found"),
        (["good.png", "-o", "x.docx"], 2, "cannot write .docx"),
        (["good.png", "-o", "nowhere/x.png", "--format", "doc"], 2, "unknown format"),
        (["good.png", "--device", "abacus"], 2, "available"),
        (["good.png", "--strength", "2"], 2, "strength"),
        (["good.png", "--quality", "0"], 2, "quality"),
        (["good.png", "--colour"], 2, "colour"),
        (["good.png", "--model", "no-such-model"], 4, "srn-fast"),
        (["good.png", "--model", "fake.safetensors"], 5, "fake.safetensors"),
        (["good.png", "--model", "cut.safetensors"], 5, "cut.safetensors"),
        (["-", "good.png"], 2, "mixed"),
        ([], 2, "give photos or folders"),
    ],
)
def test_bad_input_gets_a_clear_line_and_its_exit_code(deblur, photo, small_model, tmp_path, arguments, code, words):
    photo("good.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "fake.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(photo("whole.jpg").read_bytes()[:700])
    (tmp_path / "whole.jpg").unlink()
    (tmp_path / "fake.safetensors").write_text("hello, this is not a model")
    (tmp_path / "cut.safetensors").write_bytes(small_model.read_bytes()[:-100])
    before = sorted(tmp_path.rglob("*"))
    if "--model" not in arguments:
        arguments = [*arguments, "--model", small_model]
    failed = deblur(*arguments)
    assert failed.returncode == code, failed.stderr
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_broken_result_keeps_the_input_and_says_so(deblur, photo, broken_model, tmp_path):
    source = photo("a.png")
    done = deblur(source, "-o", "b.png", "--model", broken_model)
    assert done.returncode == 1
    assert "the input was kept" in done.stderr
    assert np.array_equal(pixels(tmp_path / "b.png"), pixels(source))


def test_pipe(deblur, photo, small_model, tmp_path):
    source = photo("a.png")
    piped = deblur("-", "--model", small_model, input=source.read_bytes(), text=False)
    assert piped.returncode == 0, piped.stderr
    (tmp_path / "piped.png").write_bytes(piped.stdout)
    assert deblur(source, "-o", "direct.png", "--model", small_model).returncode == 0
    assert np.array_equal(pixels(tmp_path / "piped.png"), pixels(tmp_path / "direct.png"))

    to_file = deblur("-", "-o", "c.jpg", "--model", small_model, input=source.read_bytes(), text=False)
    assert to_file.returncode == 0, to_file.stderr
    assert Image.open(tmp_path / "c.jpg").format == "JPEG"
    assert deblur("-", "--model", small_model, input=b"", text=False).returncode == 3


def test_options_of_the_result(deblur, photo, small_model, tmp_path):
    source = photo("a.png")
    done = deblur(source, "-o", "out/", "--format", "webp", "--compare", "--strength", "0", "--model", small_model)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "out" / "a.webp").format == "WEBP"
    width, height = Image.open(tmp_path / "out" / "a-compare.jpg").size
    assert width > 2 * 70
    assert height == 50
    assert deblur(source, "-o", "same.png", "--strength", "0", "--model", small_model).returncode == 0
    assert np.array_equal(pixels(tmp_path / "same.png"), pixels(source))


def test_orientation_and_exif_survive(deblur, photo, small_model, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    source = photo("a.jpg", exif=exif)
    assert deblur(source, "-o", "b.jpg", "--model", small_model).returncode == 0
    result = Image.open(tmp_path / "b.jpg")
    assert result.size == (50, 70)
    assert result.getexif()[0x010F] == "A camera"
    assert result.getexif().get(0x0112, 1) == 1


def test_interrupted(photo, small_model, tmp_path):
    for index in range(200):
        photo(f"in/{index}.png", 300, 200)
    command = [sys.executable, "-m", "deblurcli", "in", "-o", "out", "--model", str(small_model)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    written = [path for path in (tmp_path / "out").iterdir() if path.name != RECORDS]
    assert 0 < len(written) < 200
    for path in written:  # whole files and no temporary ones
        assert Image.open(path).convert("RGB").size == (300, 200)


def test_version_and_help_do_not_load_torch(photo):
    for arguments in (["--version"], ["--help"], ["weights", "list"], ["weights", "list", "--json"]):
        command = [sys.executable, "-X", "importtime", "-m", "deblurcli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
        assert "typer" in loaded
        assert "torch" not in loaded


def test_json_pipe_is_refused(deblur, photo, small_model):
    refused = deblur("-", "--json", "--model", small_model, input="")
    assert refused.returncode == 2
    assert "--json" in one_line(refused.stderr)


def test_same_bytes_every_time(deblur, photo, small_model, tmp_path):
    source = photo("a.png", 200, 120)
    hashes = set()
    for name in ("b.png", "c.png"):
        assert deblur(source, "-o", name, "--model", small_model).returncode == 0
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(hashes) == 1
