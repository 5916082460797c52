"""Weights on their way through files: saved, loaded strictly, recognised without their config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import Case, every_architecture, every_case, make, picture, whole

from deblurcli.errors import WeightsDamaged
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, load_state, save_checkpoint
from deblurcli.models.importers.pickled import read_pickled
from deblurcli.networks import ARCHITECTURES, build_network

pytestmark = pytest.mark.usefixtures("one_thread")


def saved(case: Case, state: Mapping[str, torch.Tensor], folder: Path) -> Path:
    path = folder / "small.safetensors"
    save_checkpoint(path, state, ModelInfo(case.architecture, asdict(case.config), "small"))
    return path


@every_case
def test_a_checkpoint_gives_the_network_back(case: Case, tmp_path: Path):
    network, x = make(case), picture(case, 32, 32)
    loaded, info = load_checkpoint(saved(case, network.state_dict(), tmp_path))
    assert (info.architecture, loaded.config, loaded.training) == (case.architecture, case.config, False)
    assert list(loaded.state_dict()) == list(network.state_dict())
    assert torch.equal(whole(loaded, x), whole(network, x))


@every_case
def test_weights_on_a_device_with_channels_last_are_the_same(case: Case, tmp_path: Path):
    """As training and restoring have them."""
    network = make(case)
    wanted = {key: value.clone() for key, value in network.state_dict().items()}
    path = saved(case, network.to(memory_format=torch.channels_last).state_dict(), tmp_path)
    state = load_checkpoint(path)[0].state_dict()
    assert all(torch.equal(state[key], value) for key, value in wanted.items())


@every_architecture
def test_every_weight_is_needed_and_no_other(case: Case):
    state, info = make(case).state_dict(), ModelInfo(case.architecture, asdict(case.config), "small")
    for name in [*state][:: len(state) // 8 + 1]:
        with pytest.raises(WeightsDamaged, match=f"tensor {name} is missing"):
            load_state(info, {key: value for key, value in state.items() if key != name}, Path("small"))
    name = next(iter(state))
    for change, problem in (
        ({"more.weight": torch.zeros(1)}, r"tensor more\.weight is unexpected"),
        ({name: torch.zeros(1, 2, 3)}, f"tensor {name} has shape"),
        ({name: torch.full_like(state[name], float("nan"))}, f"{name} holds values that are not finite"),
    ):
        with pytest.raises(WeightsDamaged, match=problem):
            load_state(info, {**state, **change}, Path("small"))


def shapes(architecture: str, config: Any) -> dict[str, torch.Size]:
    with torch.device("meta"):
        network = build_network(architecture, asdict(config))
    return {key: value.shape for key, value in network.state_dict().items()}


@every_case
def test_bare_weights_are_recognised(case: Case, tmp_path: Path):
    """What differs from the config that is found is what weights do not show."""
    network = make(case)
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    info, state = read_pickled(tmp_path / "bare.pth")
    assert (info.architecture, info.name) == (case.architecture, "bare")
    found = case.entry.config(**info.config)
    network.load_state_dict(state, strict=True)
    case.entry.build(found).load_state_dict(state, strict=True)
    for field in fields(found):
        value = getattr(case.config, field.name)
        if getattr(found, field.name) != value:
            assert shapes(case.architecture, replace(found, **{field.name: value})) == shapes(case.architecture, found)


@every_case
def test_weights_are_like_those_of_one_architecture_only(case: Case):
    state = make(case).state_dict()
    likeness = {name: entry.likeness(state) for name, entry in ARCHITECTURES.items()}
    assert likeness.pop(case.architecture) > 0.5
    assert max(likeness.values()) < 0.5


@pytest.mark.parametrize("change", ["missing", "a number"])
@every_architecture
def test_weights_that_are_recognised_but_not_whole_are_named(case: Case, tmp_path: Path, change: str):
    state, path = make(case).state_dict(), tmp_path / "odd.pth"
    for name in case.entry.signature:
        others = {key: value for key, value in state.items() if key != name}
        torch.save(others if change == "missing" else {**others, name: torch.zeros(())}, path)
        with pytest.raises(WeightsDamaged) as caught:
            read_pickled(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        if case.entry.likeness(others) > 0.5 and change == "missing":
            assert name in str(caught.value)
