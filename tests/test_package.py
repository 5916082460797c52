"""The built wheel: complete, and enough by itself."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("deblurcli-*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
    return wheel, target


def test_the_wheel_holds_the_weights_and_the_licence(installed):
    wheel, _ = installed
    names = zipfile.ZipFile(wheel).namelist()
    assert "deblurcli/weights/srn-fast.safetensors" in names
    for data in ("py.typed", "review/review.js", "viewer/page.html", "doctor/sharp.png"):
        assert f"deblurcli/{data}" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "samples/")) for name in names)


@pytest.mark.skipif(not shutil.which("cc") or sys.platform == "win32", reason="needs a C compiler")
def test_with_a_compiler_the_wheel_is_for_one_platform_and_holds_the_libraries(installed):
    wheel, site = installed
    assert "-py3-none-" in wheel.name and "any" not in wheel.name
    assert list((site / "deblurcli" / "native" / "lib").glob("*.so"))


def test_the_wheel_alone_restores_a_photo(installed, tmp_path):
    _, site = installed
    sample = ROOT / "samples" / "car.jpg"
    environment = {**os.environ, "PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1"}
    where = [sys.executable, "-c", "import deblurcli; print(deblurcli.__file__)"]
    assert str(site) in subprocess.run(where, env=environment, cwd=tmp_path, capture_output=True, text=True).stdout
    command = [sys.executable, "-m", "deblurcli", str(sample), "-o", "sharp.jpg"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sharp.jpg").stat().st_size > 10_000
