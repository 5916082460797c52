"""Training does not ask which network it has: NAFNet, by the shipped trial recipe and the same command as SRN."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurcli.models.load import load_model
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.training.data import Photos
from deblurcli.training.loop import train
from deblurcli.training.photos import load_pairs
from deblurcli.training.recipe import read_recipe

pytestmark = pytest.mark.usefixtures("one_thread")

TESTS = Path(__file__).parents[1]
RECIPE = TESTS.parent / "weights" / "recipes" / "nafnet-small.toml"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """One pair, in the folders that `--pairs` wants."""
    for source, name in (("blurry", "blur"), ("sharp", "sharp")):
        (tmp_path / "pairs" / name).mkdir(parents=True)
        shutil.copy(TESTS.parent / "deblurcli" / "doctor" / f"{source}.png", tmp_path / "pairs" / name / "a.png")
    return tmp_path / "pairs"


def command(pairs: Path, output: Path) -> subprocess.Popen[str]:
    """`deblur train`, which saves often."""
    line = ["train", "--recipe", RECIPE, "-o", output, "--pairs", pairs, "--device", "cpu", "--save-every", "0.1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # as many as in this process, for the same rounding
    return subprocess.Popen(
        [sys.executable, "-m", "deblurcli", *map(str, line)],
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.thorough
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_nafnet_learns_and_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, pairs: Path):
    recipe, reports = read_recipe(RECIPE), []
    assert (recipe.architecture, recipe.steps) == ("nafnet", 200)
    learnt = [*load_pairs(pairs, recipe.crop)]
    whole = train(recipe, Photos([], learnt), learnt, tmp_path / "whole", report=reports.append)
    assert len(reports) == 200
    assert reports[-1].loss < 0.3 * reports[0].loss
    assert reports[-1].validation.gains[0] > 1

    with command(pairs, tmp_path / "killed") as killed:
        for line in killed.stderr:
            if line.startswith("step 100/200: loss"):
                os.killpg(killed.pid, signal.SIGKILL)
                break
    assert killed.returncode == -signal.SIGKILL
    done = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)["step"]
    assert 0 < done < 200
    with command(pairs, tmp_path / "killed") as resumed:
        told = resumed.stderr.read()
    assert resumed.returncode == 0, told
    result = tmp_path / "killed" / "nafnet-small.safetensors"
    assert result.read_bytes() == whole.read_bytes(), f"killed after step {done}"

    network, info = load_model(result)
    assert (info.architecture, network.config, info.training["steps"]) == ("nafnet", recipe.network, 200)
    with Image.open(pairs / "blur" / "a.png") as blurry:
        pixels = np.asarray(blurry)
    assert not np.array_equal(Deblurrer(result, "cpu", "fp32")(pixels), pixels)
