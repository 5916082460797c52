"""No damaged file hangs a reader, ends the process, takes much memory, or is met with a traceback."""

import json
import os
import subprocess
import sys

from small_model import save_small

from .mutate import mutated
from .run import fuzz
from .seeds import all_seeds

FILES = int(os.environ.get("DEBLUR_FUZZ_FILES", "3000"))  # about a minute; `scripts/fuzz` tries more
SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".heic")


def test_readers_and_writers():
    report = fuzz(FILES)
    assert not report.failures, report.text()
    assert report.outcomes["read and written"] > FILES // 20  # or the damage would be too much to reach the decoders
    assert len(report.outcomes) > 10


def test_whole_files_are_read_and_written(tmp_path):
    from deblurcli.errors import InputError
    from deblurcli.images import read_photo

    refused = {}
    for name, data in all_seeds().items():
        try:
            read_photo(data)
        except InputError as problem:
            refused[name] = str(problem)
    assert {name for name in refused if "animated" not in name} <= {"tiff pages", "tiff ycbcr"}, refused


def test_a_folder_of_damaged_files(tmp_path):
    seeds = list(all_seeds().values())
    (tmp_path / "in").mkdir()
    for number in range(120):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        (tmp_path / "in" / f"{number:03}{suffix}").write_bytes(mutated(seeds, number, seed=1))
    model = save_small(tmp_path / "small.safetensors")

    def run(*arguments):
        command = [sys.executable, "-m", "deblurcli", *arguments, "--model", str(model)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    done = run("in", "-o", "out", "--json")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    *records, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == 120
    assert {record["status"] for record in records} <= {"done", "guarded", "failed"}
    assert summary["summary"]["done"] > 10
    assert not any("nobody expected" in (record["error"] or "") for record in records)
    failed = next(record for record in records if record["status"] == "failed")
    alone = run(failed["input"], "-o", "alone.png")
    assert alone.returncode == 3
    assert alone.stderr.splitlines()[-1] == f"deblur: {failed['error']}"
