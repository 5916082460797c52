"""`scripts/train-on-gpu`, rehearsed on a CPU with networks of no size: the pack, a kill, and what comes back."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut
from small_model import SMALL, save_small

from deblurcli.errors import InputError, UsageError
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, read_info, save_checkpoint
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell script")

SCRIPT = Path(__file__).parents[2] / "scripts" / "train-on-gpu"
sys.path.insert(0, str(SCRIPT.parent / "gpu"))
from pack import make_pack  # noqa: E402

TINY = MAXIMConfig(features=4, sizes=(4, 2, 2), groups=1, bottleneck_blocks=1, stages=1)
RECIPE = """
name = "{name}"
architecture = "{architecture}"
steps = 1000
warmup = 2
decay = 700
batch = 16
crop = 256
learning_rate = 1e-3
real_pair_ratio = 0.5
precision = "bf16"
"""


def train_on_gpu(*arguments: object, path: Path | None = None) -> subprocess.Popen[str]:
    """The script in a process group of its own; modules in `path` come before all others."""
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    if path:
        environment["PYTHONPATH"] = str(path)
    command = ["sh", str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    told = process.communicate(timeout=300)[1]
    return process.returncode, told


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos with their licences, one of them too small; three pairs, and one to measure on."""
    folder = tmp_path_factory.mktemp("data")
    picture = astronaut()
    rows = [["file", "source", "licence"]]
    for index in range(10):
        name = f"{index}, a photo.png"
        save(picture[12 * index :][: 340 if index else 60, : 330 + 15 * index], folder / "sharp" / name)
        rows.append([name, "NASA", "public domain"])
    with (folder / "sharp.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    for kind, name in (("train", "a"), ("train", "b"), ("train", "c"), ("eval", "d")):
        sharp = picture[: 260 if kind == "train" else 100, 100:370]
        for half, image in (("blur", np.roll(sharp, 1, 1) // 2 + sharp // 2), ("sharp", sharp)):
            save(image, folder / "pairs" / kind / "set" / half / f"{name}.png")
    (folder / "licences").mkdir()
    (folder / "licences" / "nasa.txt").write_text("No copyright.")
    return folder


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What both trainings begin with, and their recipes."""
    folder = tmp_path_factory.mktemp("starts")
    torch.manual_seed(0)
    info = ModelInfo("maxim", asdict(TINY), "base", licence="test")
    save_checkpoint(folder / "base.safetensors", MAXIM(TINY).state_dict(), info)
    save_small(folder / "srn.safetensors")
    networks = {"maxim-fast-gpu": ("maxim", asdict(TINY)), "srn-gpu": ("srn", asdict(SMALL))}
    for name, (architecture, config) in networks.items():
        lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
        text = RECIPE.format(name=name, architecture=architecture) + "\n".join(["[network]", *lines])
        (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def pack(data: Path, starts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("packs") / "pack"
    code, told = ended(train_on_gpu("pack", data, "--base", starts / "base.safetensors", "-o", output))
    assert code == 0, told
    assert "8 of 9 photos, 3 of 3 pairs, 1 pairs to measure on" in told
    return output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_pack_has_the_licence_of_every_photo(pack, data):
    with (pack / "sharp.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    photos = sorted((pack / "sharp").iterdir())
    assert [path.name for path in photos] == sorted(rows)
    assert all(row["licence"] == "public domain" and "AVIF" in row["changed"] for row in rows.values())
    # The eighth of fifteen is kept for measuring, and the first is too small.
    assert [path.name[0] for path in photos] == list("12345689")
    assert (pack / "licences" / "nasa.txt").read_text() == "No copyright."
    before = np.asarray(Image.open(data / "sharp" / "3, a photo.png")).astype(float)
    after = np.asarray(Image.open(pack / "sharp" / "3, a photo.avif")).astype(float)
    assert after.shape == before.shape and abs(after - before).mean() < 4


def test_the_same_data_make_the_same_pack_and_a_smaller_one_fits(pack, data, starts, tmp_path):
    base = starts / "base.safetensors"
    make_pack(data, base, tmp_path / "again", 60_000_000)
    assert contents(tmp_path / "again") == contents(pack)

    limit = int(0.75 * sum(map(len, contents(pack).values())))
    made = make_pack(data, base, tmp_path / "small", limit)
    assert made.size == sum(map(len, contents(tmp_path / "small").values())) <= limit
    assert 0 < made.photos == len(list((tmp_path / "small" / "sharp").iterdir())) < 8

    with pytest.raises(UsageError, match="give a larger --size"):
        make_pack(data, base, tmp_path / "none", 50_000)
    with pytest.raises(UsageError, match="exists already"):
        make_pack(data, base, tmp_path / "small", limit)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "small"]


def test_a_photo_without_a_licence_is_refused(data, starts, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    rows = (tmp_path / "data" / "sharp.csv").read_text().splitlines()
    (tmp_path / "data" / "sharp.csv").write_text("\n".join(rows[:-1]))
    with pytest.raises(InputError, match="has no row for 9, a photo"):
        make_pack(tmp_path / "data", starts / "base.safetensors", tmp_path / "pack", 60_000_000)
    assert not (tmp_path / "pack").exists()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine without the packages that come with PyTorch nowhere: they fail to import."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("imagecodecs", "simplejpeg", "tifffile", "typer", "rich", "huggingface_hub", "markdown_it"):
        (folder / f"{name}.py").write_text(f"raise ImportError('there is no {name} on this machine')")
    return folder


def test_killed_it_goes_on_and_leaves_weights_and_a_report(pack, starts, bare, tmp_path):
    output = tmp_path / "result"
    arguments = ("run", pack, "-o", output, "--for", "24s", "--device", "cpu", "--batch", 1, "--crop", 64,
                 "--save-every", 0.3, "--recipes", starts, "--srn", starts / "srn.safetensors")  # fmt: skip
    first = train_on_gpu(*arguments, path=bare)
    weights = output / "maxim-fast-gpu.safetensors"
    while not weights.exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    assert ended(first)[0] == -signal.SIGKILL
    killed_at = read_info(weights).training["steps"]
    assert killed_at > 0

    code, told = ended(train_on_gpu(*arguments, path=bare))
    assert code == 0, told
    assert "report: " in told and "not finished" not in told
    trained = {path.stem: read_info(path).training for path in output.glob("*.safetensors")}
    assert set(trained) == {"maxim-fast-gpu", "maxim-fast-gpu-mean", "srn-gpu"}
    for name in ("maxim-fast-gpu", "srn-gpu"):
        assert trained[name]["recipe"]["steps"] == trained[name]["steps"] > 1  # the rate fell to the end
        assert (trained[name]["recipe"]["batch"], trained[name]["recipe"]["crop"]) == (1, 64)
    assert trained["maxim-fast-gpu"]["steps"] > killed_at
    assert [part["weight"] for part in trained["maxim-fast-gpu-mean"]["mean_of"]] == [0.5, 0.5]
    base, mean = (
        load_checkpoint(path)[0] for path in (pack / "base.safetensors", output / "maxim-fast-gpu.safetensors")
    )
    assert any(not torch.equal(a, b) for a, b in zip(base.parameters(), mean.parameters(), strict=True))
    assert sorted(path.name for path in output.iterdir() if path.suffix != ".safetensors") == ["report.md"]
    report = (output / "report.md").read_text()
    assert "A rehearsal on a CPU" in report and ", done." in report
    assert f"| srn-gpu | {trained['srn-gpu']['steps']} |" in report
    assert all(f"| {name}.safetensors | " in report for name in ("base", "srn", *trained))

    code, told = ended(train_on_gpu(*arguments, path=bare))  # nothing is left to do
    assert code == 0 and "step" not in told
    assert read_info(weights).training == trained["maxim-fast-gpu"]


@pytest.mark.thorough
def test_a_call_ends_in_time_and_the_next_one_goes_on(pack, starts, tmp_path):
    arguments = ("run", pack, "-o", tmp_path / "result", "--for", "1h", "--call", "8s", "--device", "cpu",
                 "--batch", 1, "--crop", 64, "--recipes", starts, "--srn", starts / "srn.safetensors")  # fmt: skip
    steps = []
    for _ in range(2):
        code, told = ended(train_on_gpu(*arguments))
        assert code == 0 and "not finished; the same command goes on" in told, told
        steps.append(read_info(tmp_path / "result" / "maxim-fast-gpu.safetensors").training["steps"])
    assert 0 < steps[0] < steps[1]
    assert "not finished: the same command goes on" in (tmp_path / "result" / "report.md").read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_refuses(pack, tmp_path):
    code, told = ended(train_on_gpu("run", pack, "-o", tmp_path / "result"))
    assert code == 2 and "no CUDA GPU here; --device cpu rehearses" in told and told.count("\n") == 1
    assert not (tmp_path / "result").exists()


def test_what_is_missing_is_named(pack, starts, tmp_path):
    broken = tmp_path / "pack"
    shutil.copytree(pack, broken)
    (broken / "sharp" / "1, a photo.avif").write_bytes(b"")
    arguments = ("-o", tmp_path / "result", "--device", "cpu", "--recipes", starts)
    code, told = ended(train_on_gpu("run", broken, *arguments))
    assert code == 3 and "1, a photo.avif: is damaged; copy the pack again" in told and told.count("\n") == 1
    code, told = ended(train_on_gpu("run", tmp_path / "nothing", *arguments))
    assert code == 3 and "give the whole folder that `pack` made" in told and told.count("\n") == 1
    code, told = ended(train_on_gpu("run", pack, *arguments, "--srn", tmp_path / "none.safetensors"))
    assert code == 4 and "none.safetensors: cannot read the weights" in told and told.count("\n") == 1
    code, told = ended(train_on_gpu("run", pack, *arguments, "--srn", pack / "base.safetensors"))
    assert code == 2 and "base.safetensors: cannot begin with these weights" in told and told.count("\n") == 1
