"""`deblur synth` and `train` as a user meets them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

RECIPE = """
name = "tiny"
licence = "CC0-1.0"
steps = {steps}
warmup = 2
decay = 4
batch = 1
crop = 32
precision = "fp32"
seed = 3

[network]
channels = [4, 4, 4]
kernel_size = 3
resize = "area"
global_residual = true
"""


def test_synth_is_decided_by_its_seed(deblur, photo, tmp_path):
    for name in ("a.png", "b.png"):
        photo(f"sharp/{name}", 160, 120)
    made = deblur("synth", "sharp", "-o", "pairs", "--seed", "5")
    assert made.returncode == 0, made.stderr
    blurry = Image.open(tmp_path / "pairs" / "blur" / "a.png")
    assert blurry.size == (160, 120)
    assert not np.array_equal(np.asarray(blurry), np.asarray(Image.open(tmp_path / "pairs" / "sharp" / "a.png")))
    deblur("synth", "sharp", "-o", "again", "--seed", "5")
    for path in (tmp_path / "pairs").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "pairs")).read_bytes()


@pytest.fixture
def training(photo, tmp_path):
    """Arguments of a tiny run: training(OUTPUT, steps)."""
    photo("sharp/a.png", 120, 110)
    photo("sharp/b.png", 130, 100)

    def arguments(output, steps):
        recipe = tmp_path / f"recipe-{steps}.toml"
        recipe.write_text(RECIPE.format(steps=steps))
        options = ("--sharp", "sharp", "--device", "cpu", "--save-every", "0")
        return ["train", "--recipe", str(recipe), "-o", str(tmp_path / output), *options]

    return arguments


def test_train_killed_and_resumed_gives_the_same_weights(deblur, training, small_model, tmp_path, photo):
    whole = deblur(*training("whole", 60))
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-m", "deblurcli", *training("killed", 60)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
    state = tmp_path / "killed" / "state.pt"
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    process.stderr.close()
    resumed = deblur(*training("killed", 60))
    assert resumed.returncode == 0, resumed.stderr
    first, second = (load_file(tmp_path / folder / "tiny.safetensors") for folder in ("whole", "killed"))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)
    used = deblur(photo("c.png"), "-o", "d.png", "--model", "whole/tiny.safetensors")
    assert used.returncode == 0, used.stderr


def test_train_mistakes(deblur, training, tmp_path):
    arguments = training("run", 5)
    recipe = tmp_path / "recipe-5.toml"
    recipe.write_text(recipe.read_text().replace("batch = 1", "bach = 1"))
    misspelt = deblur(*arguments)
    assert misspelt.returncode == 2
    assert "'bach'" in misspelt.stderr
    nothing = deblur("train", "--recipe", recipe, "-o", "run")
    assert nothing.returncode == 2
    assert "--sharp" in nothing.stderr
