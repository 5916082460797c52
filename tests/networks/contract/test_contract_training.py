"""Every architecture trains: its ways to begin, its targets, and some steps through the trainer itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cases import Case, every_architecture, every_case, make, picture

from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.training.data import Photos
from deblurcli.training.loop import Progress, train
from deblurcli.training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


@every_case
@torch.inference_mode()
def test_every_prediction_has_its_target(case: Case):
    sharp = picture(case, 48, 32, batch=2)
    predictions, targets = make(case)(sharp), case.entry.targets(case.config, sharp)
    assert [target.shape for target in targets] == [prediction.shape for prediction in predictions]
    assert torch.equal(targets[-1], sharp)
    for target in targets:
        assert target.dtype == torch.float32 and target.min() >= 0 and target.max() <= 1


@every_case
@torch.no_grad()
def test_ways_to_begin(case: Case):
    """Same seed, same weights; and nothing that a training could not go on from."""
    ways = case.entry.initialise
    assert ways
    for name, way in ways.items():
        states = []
        for _ in range(2):
            torch.manual_seed(5)
            network = case.entry.build(case.config)
            way(network)
            states.append(network.state_dict())
        assert all(torch.equal(value, states[1][key]) for key, value in states[0].items()), name
        assert all(prediction.isfinite().all() for prediction in network(picture(case, 32, 32))), name


def recipe_of(case: Case, **changes: object) -> Recipe:
    start = {"steps": 3, "warmup": 1, "decay": 1, "batch": 1, "crop": 32, "precision": "fp32"}
    return Recipe("small", architecture=case.architecture, network=case.config, **{**start, **changes})


def pairs(case: Case) -> Photos:
    """One real pair, of uint8 RGB."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    sharp = ((x // 5 + y // 7) % 2 * 160 + torch.stack([x, y, x + y]) // 2).to(torch.uint8)
    return Photos([], [(sharp.roll(2, 2), sharp)])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@every_architecture
def test_a_run_that_is_interrupted_goes_on_to_the_same_weights(case: Case, tmp_path: Path, precision: str):
    recipe, reports = recipe_of(case, precision=precision), []

    def interrupt(progress: Progress) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    whole = train(recipe, pairs(case), pairs(case).pairs, tmp_path / "whole", report=reports.append)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, pairs(case), [], tmp_path / "cut", save_every=0, report=interrupt)
    assert torch.load(tmp_path / "cut" / "state.pt", weights_only=True)["step"] == 1
    resumed = train(recipe, pairs(case), [], tmp_path / "cut")
    assert resumed.read_bytes() == whole.read_bytes()
    network, info = load_checkpoint(whole)
    assert (network.config, info.architecture, info.training["steps"]) == (case.config, case.architecture, 3)
    assert [report.step for report in reports] == [1, 2, 3]
    assert all(report.loss > 0 for report in reports) and reports[-1].validation is not None


@every_architecture
def test_a_step_changes_the_weights_whatever_they_began_with(case: Case, tmp_path: Path):
    for way in case.entry.initialise:
        recipe = recipe_of(case, steps=1, decay=0, initial=way, learning_rate=0.5)
        torch.manual_seed(recipe.seed)
        fresh = case.entry.build(case.config)
        case.entry.initialise[way](fresh)
        trained = load_checkpoint(train(recipe, pairs(case), [], tmp_path / way))[0].state_dict()
        moved = {key: float((trained[key] - value).abs().max()) for key, value in fresh.state_dict().items()}
        # AdamW's first step is as large as the rate wherever there is a gradient; the average takes a part of it.
        last = [far for key, far in moved.items() if key.startswith(f"{case.last}.")]
        assert last and min(last) > 0.1, way


@every_architecture
def test_a_run_may_begin_with_a_checkpoint(case: Case, tmp_path: Path):
    start = train(recipe_of(case), pairs(case), [], tmp_path / "first")
    again = recipe_of(case, steps=1, learning_rate=0.0)
    result = train(again, pairs(case), [], tmp_path / "second", start_from=start)
    wanted = load_checkpoint(start)[0].state_dict()
    assert all(torch.equal(wanted[key], value) for key, value in load_checkpoint(result)[0].state_dict().items())
