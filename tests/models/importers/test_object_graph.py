from __future__ import annotations

from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest

from deblurcli.errors import WeightsDamaged
from deblurcli.models.importers.object_graph import TENSOR, variable_names
from deblurcli.models.importers.tensor_bundle import open_bundle, read_tensors

KEY = "layer_with_weights-{}/kernel/.ATTRIBUTES/VARIABLE_VALUE"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A checkpoint of 200 variables whose graph of objects is longer than one byte can say."""
    tensors: dict[str, np.ndarray | bytes] = {KEY.format(n): np.full(3, n, np.float32) for n in range(200)}
    tensors[TENSOR] = writer.object_graph({KEY.format(n): f"layer_{n}/kernel" for n in range(200)})
    writer.write_bundle(tmp_path / "variables", tensors)
    return tmp_path / "variables"


def data(prefix: Path) -> Path:
    return prefix.with_name("variables.data-00000-of-00001")


def test_every_variable_has_its_name(prefix: Path) -> None:
    bundle = open_bundle(prefix)
    assert variable_names(bundle) == {KEY.format(n): f"layer_{n}/kernel" for n in range(200)}
    assert read_tensors(bundle).keys() == {KEY.format(n) for n in range(200)}
    assert [file.name for file in bundle.files] == ["variables.index", "variables.data-00000-of-00001"]


def test_no_graph(tmp_path: Path) -> None:
    writer.write_bundle(tmp_path / "variables", {"a": np.zeros(2, np.float32)})
    with pytest.raises(WeightsDamaged, match=f"variables.index: tensor {TENSOR} is missing"):
        variable_names(open_bundle(tmp_path / "variables"))


@pytest.mark.parametrize("place", [0, 3, 500, -1])
def test_damage_is_found(prefix: Path, place: int) -> None:
    bundle = open_bundle(prefix)
    entry = bundle.entries[TENSOR]
    content = bytearray(data(prefix).read_bytes())
    content[entry.offset + place % entry.size] ^= 64
    data(prefix).write_bytes(content)
    with pytest.raises(WeightsDamaged, match=f"tensor {TENSOR} is not an intact string"):
        variable_names(bundle)


def test_a_file_cut_short(prefix: Path) -> None:
    data(prefix).write_bytes(data(prefix).read_bytes()[:100])
    with pytest.raises(WeightsDamaged, match="is not an intact string"):
        variable_names(open_bundle(prefix))


def test_a_string_that_is_no_graph(tmp_path: Path) -> None:
    writer.write_bundle(tmp_path / "variables", {TENSOR: b"\xff\xff not a protobuf"})
    with pytest.raises(WeightsDamaged, match="is not a graph of objects"):
        variable_names(open_bundle(tmp_path / "variables"))
