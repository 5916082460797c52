"""A command line to test: the real program in a process of its own, with a small model and small photos."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_model import save_small

from deblurcli.cli.app import restore_app


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return save_small(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture(scope="session")
def broken_model(tmp_path_factory) -> Path:
    """A checkpoint whose results are far too bright."""
    return save_small(tmp_path_factory.mktemp("model") / "broken.safetensors", "broken", 0.7)


@pytest.fixture
def deblur(tmp_path):
    """Run `deblur ARGUMENTS` in `tmp_path`; returns the finished process with text output."""

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        options.setdefault("cwd", tmp_path)
        options.setdefault("text", True)
        command = [sys.executable, "-m", "deblurcli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, timeout=300, check=False, **options)

    return run


@pytest.fixture
def photo(tmp_path):
    """Make a small photo with some structure: photo(NAME, width, height) -> path."""

    def make(name="photo.jpg", width=70, height=50, **options) -> Path:
        y, x = np.mgrid[:height, :width]
        pixels = np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 200], -1).astype(np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return make


@pytest.fixture
def here(tmp_path, monkeypatch, capfd, small_model):
    """Run `deblur ARGUMENTS` with the small model in `tmp_path`, in this process: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        arguments = [str(argument) for argument in arguments]  # type: ignore[assignment]
        if "--model" not in arguments:
            arguments += ["--model", str(small_model)]
        with pytest.raises(SystemExit) as ended:
            restore_app(arguments, prog_name="deblur")
        out, errors = capfd.readouterr()
        assert "Traceback" not in errors
        return ended.value.code, out, errors

    return run
