"""A training that is given a time: the rate falls to 0 as it ends, also across pauses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut
from tiny_recipe import RECIPE as EIGHT_STEPS

from deblurcli.errors import UsageError
from deblurcli.models.checkpoint import read_info
from deblurcli.training.budget import fitted, seconds_of
from deblurcli.training.loop import Progress, train

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = replace(EIGHT_STEPS, steps=400, decay=300)


@pytest.mark.parametrize("pace", [0.1, 0.5, 2.0])
def test_the_rate_is_that_of_the_time_left_whatever_a_step_takes(pace):
    recipe = replace(RECIPE, learning_rate=1.0)
    for spent, wanted in ((10, 1.0), (50, 1.0), (175, 0.75), (300, 0.5), (450, 0.25)):
        step = round((spent - 4) / pace)  # the first one took 4 seconds longer
        rate = fitted(recipe, step, spent, 600).rate_at(step)
        assert rate == pytest.approx(min(1.0, (600 - spent) / 450), abs=0.02)
        assert wanted >= 0.75 or rate == pytest.approx(wanted * 4 / 3, abs=0.02)
    assert fitted(recipe, round(600 / pace), 600, 600).steps == round(600 / pace)
    assert fitted(recipe, 100, 700, 600).steps == 100  # too late: over at once


def test_before_the_first_step_the_recipe_is_as_written():
    assert fitted(RECIPE, 0, 0.0, 600) == RECIPE
    assert fitted(RECIPE, 400, 0.0, 600).steps > 400  # of a run whose time nobody took, which is to go on


def test_it_ends_with_a_rate_of_nothing(tmp_path, photos):
    reports: list[Progress] = []
    path = train(RECIPE, photos, [], tmp_path, seconds=3, report=reports.append)
    assert reports[-1].finished and not any(report.finished for report in reports[:-1])
    rates = [report.learning_rate for report in reports]
    assert rates[-1] < 0.3 * max(rates)
    told = read_info(path).training
    assert told["steps"] == told["recipe"]["steps"] == len(reports)
    assert told["recipe"]["decay"] == pytest.approx(0.75 * len(reports), abs=1)
    assert train(RECIPE, photos, [], tmp_path, seconds=3, report=reports.append) == path
    assert len(reports) == told["steps"]  # there was nothing left to do


def test_after_a_pause_it_has_the_rest_of_its_time(tmp_path, photos):
    first: list[Progress] = []
    train(RECIPE, photos, [], tmp_path, seconds=6, pause_after=3, report=first.append)
    assert not first[-1].finished
    spent = torch.load(tmp_path / "state.pt", weights_only=True)["seconds"]
    assert 0 < spent == pytest.approx(first[-1].seconds)

    second: list[Progress] = []
    result = train(RECIPE, photos, [], tmp_path, seconds=6, report=second.append)
    assert second[0].step == first[-1].step + 1
    assert second[-1].finished
    # Begun anew the rate would be at its height again.
    assert second[0].learning_rate < 0.8 * RECIPE.learning_rate
    assert second[0].learning_rate == pytest.approx(first[-1].learning_rate, rel=0.5)
    assert read_info(result).training["seconds"] > spent


def test_a_run_of_a_number_of_steps_can_pause_too(tmp_path, photos):
    recipe = replace(RECIPE, steps=4, decay=2)
    reports: list[Progress] = []
    train(recipe, photos, [], tmp_path / "parts", pause_after=0, report=reports.append)
    assert [report.step for report in reports] == [1]
    parts = train(recipe, photos, [], tmp_path / "parts", report=reports.append)
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert parts.read_bytes() == train(recipe, photos, [], tmp_path / "whole").read_bytes()


def test_the_command_pauses_and_goes_on(tmp_path):
    (tmp_path / "sharp").mkdir()
    Image.fromarray(np.ascontiguousarray(astronaut()[:160, 100:260])).save(tmp_path / "sharp" / "a.png")
    recipe = Path(__file__).parents[2] / "weights" / "recipes" / "nafnet-small.toml"
    command = [sys.executable, "-m", "deblurcli", "train", "--recipe", str(recipe), "-o", str(tmp_path / "run"),
               "--sharp", str(tmp_path / "sharp"), "--device", "cpu"]  # fmt: skip

    def ended(*options: str) -> tuple[int, str]:
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.splitlines()[-1]

    result = tmp_path / "run" / "nafnet-small.safetensors"
    assert ended("--for", "1h", "--pause-after", "1s") == (0, f"paused, the same command goes on: {result}")
    assert ended("--for", "1s") == (0, f"done: {result}")  # all of which is over
    assert ended("--for", "soon") == (2, "deblur: 'soon' is no time; give one such as 25m, 90s or 1h30m")


@pytest.mark.parametrize(("text", "seconds"), [("25m", 1500), ("90s", 90), ("1h30m", 5400), ("0.5h", 1800)])
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "25", "m", "25 minutes", "-5m", "0s", "1.2.3h"])
def test_what_is_no_time_is_named(text):
    with pytest.raises(UsageError, match="no time; give one such as 25m"):
        seconds_of(text)
