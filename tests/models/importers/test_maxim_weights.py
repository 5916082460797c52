"""The authors' real weights, through both of their public formats, against the authors' own network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from maxim_listing import as_keras, authors_shapes
from saved_model_writer import write_saved_model

from deblurcli.models.checkpoint import load_checkpoint, read_info
from deblurcli.models.importers.maxim_release import (
    UNCHECKED_GRAPH,
    UNCHECKED_KERNELS,
    from_graph_model,
    parameters_of,
)
from deblurcli.models.importers.tensorflow import import_tensorflow
from deblurcli.models.importers.tensorflow_js import read_graph_model
from deblurcli.networks.maxim.network import MAXIM, RELEASED

Parameters = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def parameters(maxim_model: Path) -> Parameters:
    """By the authors' names, vectors without axes for broadcasting."""
    shapes = authors_shapes(RELEASED)
    found = parameters_of(read_graph_model(maxim_model), maxim_model)
    assert found.keys() == shapes.keys()
    return {name: value.reshape(shapes[name]) for name, value in found.items()}


@pytest.fixture(scope="module")
def whole(maxim_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("imported") / "whole.safetensors"
    import_tensorflow(maxim_model, output)
    return output


@pytest.mark.parametrize(
    ("size", "bound"), [("128x192", 2e-5), pytest.param("256x320", 1e-4, marks=pytest.mark.thorough)]
)
def test_parity_with_the_authors_network(
    maxim_model: Path, shared: Path, size: str, bound: float, record_property: Callable[[str, object], None]
) -> None:
    released = from_graph_model(read_graph_model(maxim_model))
    network = MAXIM(RELEASED).eval()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in released.state.items()}, strict=True)
    oracle = np.load(shared / "oracle" / "maxim" / f"{size}.npz")
    with torch.inference_mode():
        pictures = network(torch.from_numpy(oracle["input"]).permute(0, 3, 1, 2))
    differences = [
        float((picture.permute(0, 2, 3, 1) - torch.from_numpy(oracle[f"stage{stage}"])).abs().max())
        for stage, picture in enumerate(pictures, 1)
    ]
    record_property("max_abs_difference", differences)
    print(f"{size}: largest difference per stage {differences}")
    assert len(differences) == 3
    assert max(differences) < bound


def test_the_file_says_what_it_is(whole: Path) -> None:
    info = read_info(whole)
    assert (info.architecture, info.name, info.licence) == ("maxim", "maxim-gopro", "Apache-2.0")
    assert "MIT" in info.training["licences"]
    assert len(info.training["sha256"]) == 23  # model.json and its shards
    assert "remark" not in info.training


def test_the_hub_s_format_gives_the_same_file(parameters: Parameters, whole: Path, tmp_path: Path) -> None:
    """Kernels of transposed convolutions are not turned in the port's checkpoint."""
    folder = write_saved_model(tmp_path / "saved", as_keras(parameters))
    info = import_tensorflow(folder, tmp_path / "hub.safetensors")
    assert info.name == "maxim-gopro"
    assert "remark" not in info.training
    first, second = (load_checkpoint(path)[0].state_dict() for path in (whole, tmp_path / "hub.safetensors"))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_a_copy_with_turned_kernels_is_taken_as_it_is(parameters: Parameters, whole: Path, tmp_path: Path) -> None:
    named = {
        name: value[::-1, ::-1] if "ConvTranspose" in name and name.endswith("kernel") else value
        for name, value in as_keras(parameters).items()
    }
    import_tensorflow(write_saved_model(tmp_path / "saved", named), tmp_path / "hub.safetensors")
    first, second = (load_checkpoint(path)[0].state_dict() for path in (whole, tmp_path / "hub.safetensors"))
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_other_weights_of_the_hub_cannot_be_checked(parameters: Parameters, tmp_path: Path) -> None:
    named = as_keras(parameters)
    named["stage_0_decoder_block_0_ConvTranspose_0/kernel"] = (
        named["stage_0_decoder_block_0_ConvTranspose_0/kernel"] * 2
    )
    info = import_tensorflow(write_saved_model(tmp_path / "saved", named), tmp_path / "hub.safetensors")
    assert (info.name, info.licence, info.training["remark"]) == ("maxim", "unknown", UNCHECKED_KERNELS)
    assert "licences" not in info.training


def test_a_changed_copy_of_the_package_is_told(maxim_model: Path, tmp_path: Path) -> None:
    for file in maxim_model.iterdir():
        (tmp_path / file.name).symlink_to(file)
    changed = tmp_path / "group1-shard7of22.bin"
    content = bytearray(changed.read_bytes())
    content[1000] ^= 1
    changed.unlink()
    changed.write_bytes(content)
    info = import_tensorflow(tmp_path, tmp_path / "changed.safetensors")
    assert (info.name, info.licence, info.training["remark"]) == ("maxim", "unknown", UNCHECKED_GRAPH)


@pytest.mark.parametrize("stages", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_the_first_stages_alone(maxim_model: Path, whole: Path, tmp_path: Path, stages: int) -> None:
    info = import_tensorflow(maxim_model / "model.json", tmp_path / "first.safetensors", stages)
    assert info.name == f"maxim-gopro-{stages}of3"
    first, second = (load_checkpoint(path)[0] for path in (tmp_path / "first.safetensors", whole))
    assert isinstance(first, MAXIM)
    assert first.config == replace(RELEASED, stages=stages)
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(first(x), second(x)[:stages], rtol=0, atol=0)
