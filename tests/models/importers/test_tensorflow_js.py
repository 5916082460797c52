from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_model_writer import operation, write_graph_model

from deblurcli.errors import DeblurError, WeightsDamaged, WeightsUnavailable
from deblurcli.models.importers.tensorflow_js import Operation, read_graph_model


def made_up_tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "net/conv/kernel": rng.standard_normal((3, 3, 2, 4)).astype(np.float32),
        "net/conv/bias": np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4),
        "net/shape": np.array([1, -1], np.int32),
        "net/scalar": np.array(0.5, np.float32),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small intact model of 4 shards, 100 bytes each but for the last."""
    nodes = [
        operation("net/conv/Conv2D", "Conv2D", "image", "net/conv/kernel:0"),
        operation("end", "NoOp", "^net/shape"),
    ]
    write_graph_model(tmp_path / "model", made_up_tensors(), nodes, shard_size=100)
    return tmp_path / "model"


def error_of(path: Path, kind: type[DeblurError] = WeightsDamaged) -> str:
    with pytest.raises(kind) as caught:
        read_graph_model(path)
    line = str(caught.value)
    assert type(caught.value) is kind
    assert len(line.splitlines()) == 1
    return line


def edit(folder: Path, change: Any) -> Path:
    model = json.loads((folder / "model.json").read_text())
    change(model)
    (folder / "model.json").write_text(json.dumps(model))
    return folder


@pytest.mark.parametrize("name", ["", "model.json"])
def test_tensors_and_who_takes_them(folder: Path, name: str) -> None:
    model = read_graph_model(folder / name)
    expected = made_up_tensors()
    assert model.tensors.keys() == expected.keys()
    for key, tensor in expected.items():
        assert model.tensors[key].dtype == tensor.dtype
        np.testing.assert_array_equal(model.tensors[key], tensor)
    assert model.takers["net/conv/kernel"] == [Operation("net/conv/Conv2D", "Conv2D")]
    assert model.takers["net/shape"] == [Operation("end", "NoOp")]
    assert [file.name for file in model.files] == ["model.json", *(f"group1-shard{n}of4.bin" for n in (1, 2, 3, 4))]


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "group1-shard2of4.bin").unlink()
    assert "group1-shard2of4.bin: no such file" in error_of(folder, WeightsUnavailable)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_shard_cut_short_is_named(folder: Path, number: int) -> None:
    shard = folder / f"group1-shard{number}of4.bin"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-3])
    assert f"{shard}: has {size - 3} bytes, expected {size}" in error_of(folder)


def test_a_shard_too_long_is_named(folder: Path) -> None:
    shard = folder / "group1-shard4of4.bin"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes() + b"more")
    assert f"{shard}: has {size + 4} bytes, expected {size}" in error_of(folder)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "model.json: no such file" in error_of(tmp_path, WeightsUnavailable)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"modelTopology": {}}', '{"modelTopology": {"node": 3}}'])
def test_something_else_than_a_model(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    assert "not the model.json of a TensorFlow.js graph model" in error_of(tmp_path)


def test_quantized_weights_are_refused(folder: Path) -> None:
    def quantize(model: dict[str, Any]) -> None:
        model["weightsManifest"][0]["weights"][0]["quantization"] = {"dtype": "uint8", "scale": 1, "min": 0}

    assert "tensor net/conv/kernel is quantized" in error_of(edit(folder, quantize))


def test_unknown_types_are_refused(folder: Path) -> None:
    def complicate(model: dict[str, Any]) -> None:
        model["weightsManifest"][0]["weights"][1]["dtype"] = "complex64"

    assert "tensor net/conv/bias is of type complex64" in error_of(edit(folder, complicate))


@pytest.mark.parametrize("path", ["../secret.bin", "/etc/hostname", "sub/shard.bin"])
def test_files_elsewhere_are_not_read(folder: Path, path: str) -> None:
    def lead_away(model: dict[str, Any]) -> None:
        model["weightsManifest"][0]["paths"][0] = path

    assert "not the model.json" in error_of(edit(folder, lead_away))


@pytest.mark.parametrize("shape", [[-1, 2], [1 << 70], ["x"], None])
def test_impossible_shapes_are_refused(folder: Path, shape: Any) -> None:
    def deform(model: dict[str, Any]) -> None:
        model["weightsManifest"][0]["weights"][0]["shape"] = shape

    error_of(edit(folder, deform))
