"""The package is built where there is no C compiler; tests/test_package.py builds it where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = ("deblurcli", "weights", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")
RESTORE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import deblurcli
from deblurcli.native import library
assert deblurcli.__file__.startswith(sys.argv[1])
result = deblurcli.Deblurrer(precision="fp32")(np.full((32, 48, 3), 0.5, np.float32))
print(library.choose_backend().name, *result.shape)
"""


def build(folder: Path, **environment: str) -> Path:
    """The wheel of the checkout, unpacked."""
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (CHECKOUT / part).is_dir():
            shutil.copytree(CHECKOUT / part, source / part, ignore=shutil.ignore_patterns("lib", "__pycache__"))
        else:
            shutil.copy(CHECKOUT / part, source / part)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    done = subprocess.run(command, cwd=source, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return wheel


def restore(folder: Path) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DEBLUR_ENGINE"}
    command = [sys.executable, "-c", RESTORE, str(folder / "installed")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("compiler", ["", "false"], ids=["none", "failing"])
def test_without_a_compiler_the_package_is_built_and_works(tmp_path, compiler):
    empty = tmp_path / "empty"
    empty.mkdir()
    wheel = build(tmp_path, CC=compiler, **({} if compiler else {"PATH": str(empty)}))
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not list((tmp_path / "installed").rglob("*.so"))
    assert restore(tmp_path) == ["torch", "32", "48", "3"]
