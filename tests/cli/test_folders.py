"""Folders on the command line: what a user asks for, is told, and finds afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_model import save_small

RECORDS = ".deblur-manifest.jsonl"


@pytest.fixture
def folder(photo, tmp_path):
    for name in ("in/a.png", "in/sub/b.jpg", "in/sub/c.png"):
        photo(name)
    return tmp_path / "in"


def outputs(tmp_path, name="out"):
    folder = tmp_path / name
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".deblur")
    }


def written(tmp_path, name="out"):
    """What changes whenever a file is written again."""
    return {name: (tmp_path / "out" / name).stat().st_ino for name in outputs(tmp_path)}


def redone(before, after):
    return sorted(name for name in after if after[name] != before.get(name))


def test_resume_is_exact(here, folder, photo, tmp_path, small_model):
    assert here("in", "-r", "-o", "out")[0] == 0
    start = written(tmp_path)
    code, _, told = here("in", "-r", "-o", "out", "--resume")
    assert code == 0 and "3 skipped" in told and "done by an earlier run" in told
    assert written(tmp_path) == start

    photo("in/sub/b.jpg", 40, 30)  # a changed input
    code, _, told = here("in", "-r", "-o", "out")
    assert "--resume does it again" in told
    assert written(tmp_path) == start
    assert "1 done, 2 skipped" in here("in", "-r", "-o", "out", "--resume")[2]
    second = written(tmp_path)
    assert redone(start, second) == ["sub/b.jpg"]
    assert Image.open(tmp_path / "out" / "sub" / "b.jpg").size == (40, 30)

    assert "3 done" in here("in", "-r", "-o", "out", "--resume", "--strength", "0.5")[2]  # changed settings
    assert "3 skipped" in here("in", "-r", "-o", "out", "--resume", "--strength", "0.5")[2]

    other = save_small(tmp_path / "other.safetensors", "other", 0.05)  # a changed model
    arguments = ["in", "-r", "-o", "out", "--resume", "--strength", "0.5", "--model", other]
    assert "3 done" in here(*arguments)[2]
    save_small(other, "other", 0.1)  # the same file name, other weights
    assert "3 done" in here(*arguments)[2]
    assert "3 skipped" in here(*arguments)[2]

    (tmp_path / "out" / "a.png").unlink()  # a result that went missing
    assert "1 done, 2 skipped" in here(*arguments)[2]


def test_resume_keeps_what_nobody_recorded(here, folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"precious")
    code, _, told = here("in", "-r", "-o", "out", "--resume")
    assert code == 0 and "no record says what made it" in told
    assert (tmp_path / "out" / "a.png").read_bytes() == b"precious"
    assert here("in", "-r", "-o", "out", "--resume", "--overwrite")[0] == 2
    assert "3 done" in here("in", "-r", "-o", "out", "--overwrite")[2]


def test_resume_needs_a_folder_of_results(here, photo):
    photo("a.png"), photo("b.png")
    for arguments in (["a.png", "b.png"], ["a.png", "-o", "c.png"]):
        code, _, told = here(*arguments, "--resume")
        assert code == 2 and "--output FOLDER" in told


def test_json_ends_with_a_summary(here, folder, tmp_path):
    (folder / "bad.jpg").write_text("no photo")
    (folder / "raw.cr2").touch()
    (folder / "linked").symlink_to("sub")
    assert here("in/sub", "-o", "out/sub")[0] == 0
    code, out, _ = here("in", "-r", "-o", "out", "--json")
    assert code == 1
    *records, summary = [json.loads(line) for line in out.splitlines()]
    by_name = {Path(record["input"]).name: record for record in records}
    assert {name: record["status"] for name, record in by_name.items()} == {
        "a.png": "done",
        "b.jpg": "skipped",
        "c.png": "skipped",
        "bad.jpg": "failed",
        "raw.cr2": "left out",
        "linked": "left out",
    }
    assert by_name["a.png"]["model"] == "small" and by_name["a.png"]["device"]
    assert "not a photograph" in by_name["bad.jpg"]["error"]
    counts = summary["summary"]
    assert (counts["done"], counts["skipped"], counts["failed"], counts["not done"]) == (1, 2, 1, 0)
    assert counts["left out"] == 2
    assert counts["megapixels"] == 0.004 and counts["stopped"] is None
    (reason,) = counts["reasons"]["failed"]
    assert reason.startswith("not a photograph by its content")


def test_summary_tells_every_reason(here, folder):
    (folder / "bad.jpg").write_text("no photo")
    (folder / "worse.jpg").write_text("no photo either")
    (folder / "notes.txt").touch()
    (folder / ".hidden.jpg").touch()
    code, out, told = here("in", "-r", "-o", "out")
    assert code == 1 and out == ""
    assert "3 done, 2 failed in " in told
    assert re.search(r"failed +2  not a photograph by its content", told)
    assert re.search(r"left out +1  hidden", told)
    assert re.search(r"left out +1  not photographs by their names", told)


def test_dry_run_writes_nothing_and_tells_the_time(here, folder, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, told = here("in", "-r", "-o", "out", "--dry-run", "--json")
    assert code == 0
    assert sorted(tmp_path.rglob("*")) == before
    *planned, summary = [json.loads(line) for line in out.splitlines()]
    assert [(one["status"], one["output"]) for one in planned] == [
        ("planned", str(Path("out") / name)) for name in ("a.png", "sub/b.jpg", "sub/c.png")
    ]
    assert summary["summary"]["planned"] == 3
    assert summary["summary"]["estimated_seconds"] >= 0
    assert "in/sub/b.jpg -> out/sub/b.jpg" in told
    assert "measured by restoring 70x50 pixels of one of them" in told
    assert here("in", "-r", "-o", "out")[0] == 0
    assert "3 skipped" in here("in", "-r", "-o", "out", "--dry-run")[2]


def test_shards_fill_one_folder(here, photo, tmp_path):
    for index in range(8):
        photo(f"in/{index}.png", 20 + index, 20)
    told = [here("in", "-o", "out", "--shard", f"{number}/3")[2] for number in (1, 2, 3)]
    assert all("of 8 photos" in line for line in told)
    assert len(outputs(tmp_path)) == 8
    assert len(list((tmp_path / "out").glob(".deblur-manifest-*-of-3.jsonl"))) == 3
    code, _, told = here("in", "-o", "out", "--resume")  # the whole knows what its shards have done
    assert code == 0 and "8 skipped" in told
    assert here("in", "-o", "out", "--shard", "4/3")[0] == 2


def test_two_devices(here, folder, tmp_path):
    code, _, told = here("in", "-r", "-o", "out", "--device", "cpu,cpu", "--jobs", "3")
    assert code == 0 and "small on cpu, cpu" in told
    assert here("in", "-r", "-o", "one", "--device", "cpu")[0] == 0
    assert outputs(tmp_path) == outputs(tmp_path, "one")
    code, _, told = here("in", "-r", "-o", "other", "--device", "cpu,abacus")
    assert code == 2 and "abacus" in told


def test_limit_newer_than_and_fail_fast(here, folder, tmp_path):
    assert "1 done" in here("in", "-r", "-o", "out", "--limit", "1")[2]
    assert "2 done, 1 skipped" in here("in", "-r", "-o", "out")[2]
    os.utime(folder / "a.png", (1000, 1000))
    assert sorted(outputs(tmp_path, "new")) == []
    told = here("in", "-r", "-o", "new", "--newer-than", "2001-01-01")[2]
    assert "2 done" in told and "older than --newer-than" in told
    (folder / "0.png").write_text("first in line, and no photo")
    code, _, told = here("in", "-r", "-o", "fast", "--fail-fast", "--jobs", "1")
    assert code == 1
    assert "1 failed" in told
    assert "deblur: --fail-fast; not done: " in told or "3 done" in told


def test_log_has_every_file(here, folder, tmp_path):
    (folder / "bad.jpg").write_text("no photo")
    (folder / "notes.txt").touch()
    assert here("in", "-r", "-o", "out", "--quiet", "--log", "log.txt")[0] == 1
    here("in", "-r", "-o", "out", "--quiet", "--log", "log.txt")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* ", line) for line in lines)
    text = "\n".join(lines)
    for words in ("done: in/a.png -> out/a.png", "failed: in/bad.jpg: not a photo", "left out: in/notes.txt (not"):
        assert words in text
    assert "skipped: out/sub/b.jpg: exists already" in text
    code, _, told = here("in", "-r", "-o", "new", "--log", "no/such/folder/log.txt")
    assert code == 1 and "the log cannot be written" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names this system does not take")
def test_odd_names_keep_their_names(here, photo, tmp_path):
    names = ["with space.png", "é ü 漢字.png", "new\nline.png", "-dash.png", "'quote\".png", "n" * 251 + ".png"]
    for name in names:
        photo(f"in/{name}")
    source = photo("in/undecodable.png")
    source.rename(tmp_path / "in" / os.fsdecode(b"\xff\xfe.png"))
    names.append(os.fsdecode(b"\xff\xfe.png"))
    code, out, told = here("in", "-o", "out", "--json", "--log", "log.txt")
    assert code == 0, told
    assert sorted(outputs(tmp_path)) == sorted(names)
    assert sorted(json.loads(line).get("input", "") for line in out.splitlines()) == sorted(
        ["", *(f"in/{name}" for name in names)]
    )
    assert "7 skipped" in here("in", "-o", "out", "--resume")[2]


def test_a_folder_that_cannot_be_read_is_a_failure(here, folder, tmp_path):
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("permissions hold nobody back here")
    (folder / "secret").mkdir(mode=0o000)
    code, _, told = here("in", "-r", "-o", "out")
    (folder / "secret").chmod(0o700)
    assert code == 1
    assert "in/secret: this folder cannot be read" in told
    assert "3 done, 1 failed" in told


@pytest.fixture
def long_run(photo, tmp_path, small_model):
    """Start a run over many photos and wait for its first results; returns the process."""
    for index in range(60):
        photo(f"in/{index:03}.png", 300, 240)
    processes = []

    def start(*arguments) -> subprocess.Popen:
        command = [sys.executable, "-m", "deblurcli", "in", "-o", "out", "--model", str(small_model), *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("out/*.png"))) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_interrupted_once(long_run, here, tmp_path):
    process = long_run("--json")
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert summary["stopped"] == "interrupted"
    assert summary["done"] + summary["not done"] == 60 and summary["not done"] > 0
    assert f"not done: {summary['not done']}; the same command again goes on with the rest" in told
    found = outputs(tmp_path)
    assert len(found) == summary["done"]
    for name in found:
        assert Image.open(tmp_path / "out" / name).convert("RGB").size == (300, 240)
    assert [path.name for path in tmp_path.glob("out/.*")] == [RECORDS]
    assert f"{summary['not done']} done, {summary['done']} skipped" in here("in", "-o", "out")[2]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_interrupted_twice_ends_at_once(long_run, tmp_path):
    process = long_run()
    process.send_signal(signal.SIGSTOP)  # so that both are waiting when it wakes up
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.endswith("deblur: stopped at once\n")
    for name in outputs(tmp_path):
        Image.open(tmp_path / "out" / name).load()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_two_runs_into_one_folder_and_one_killed(long_run, here, tmp_path):
    first, second = long_run(), long_run()
    first.kill()
    first.communicate()
    _, told = second.communicate(timeout=100)
    assert second.returncode == 0, told
    found = outputs(tmp_path)
    assert len(found) == 60
    assert here("in", "-o", "out", "--resume")[0] == 0
    assert here("in", "-o", "alone")[0] == 0
    assert found == outputs(tmp_path) == outputs(tmp_path, "alone")
    assert [path.name for path in tmp_path.glob("out/.*")] == [RECORDS]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_at_random_moments():
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "batch_kills.py"
    command = [sys.executable, str(script), "--kills", "4", "--photos", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kills, 0 with" in done.stdout


def test_help_keeps_folders_apart(here):
    code, out, _ = here("--help")
    assert code == 0
    simple, folders = out.split("Folders", 1)
    assert "--output" in simple and "--resume" not in simple
    for option in ("--resume", "--dry-run", "--fail-fast", "--limit", "--newer-than", "--shard", "--jobs", "--log"):
        assert option in folders


def test_grey_and_guarded_photos_are_counted(here, tmp_path, broken_model):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((40, 60), 90, np.uint8)).save(tmp_path / "in" / name)
    code, _, told = here("in", "-o", "out", "--model", broken_model)
    assert code == 1
    assert "2 guarded" in told
