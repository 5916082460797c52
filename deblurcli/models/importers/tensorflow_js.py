"""A reader of TensorFlow.js graph models: the weights, and which operation of the graph takes each. Needs NumPy only.

Source: TensorFlow.js, `tfjs-core/src/io/types.ts` (the manifest of the weights) and `tfjs-converter`, whose graph is
TensorFlow's GraphDef in protobuf's JSON form.

A model is a folder with `model.json`, which holds the graph and says which files ("shards") hold the weights and what
lies in them; the shards of a group, put together, are its tensors one after the other, little-endian, in row-major
order. The format has no checksums.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import mode
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurcli.errors import WeightsDamaged, WeightsUnavailable

FILE = "model.json"
DTYPES = {"float32": "<f4", "int32": "<i4", "uint16": "<u2", "uint8": "u1", "bool": "?"}


class Operation(NamedTuple):
    """A node of the graph: its name, and its kind, such as "Conv2D"."""

    name: str
    kind: str


@dataclass(frozen=True)
class GraphModel:
    """A model in memory.

    Attributes:
        tensors: name -> weight or constant, in TensorFlow's axis order.
        takers: name -> the operations that take this tensor as it is.
        files: what was read, model.json first.
    """

    tensors: dict[str, NDArray[Any]]
    takers: dict[str, list[Operation]]
    files: list[Path]


class Weight(NamedTuple):
    """A tensor in the manifest."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    quantized: bool

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * np.dtype(DTYPES[self.dtype]).itemsize


@dataclass(frozen=True)
class Group:
    """Shards that belong together, and the tensors in them."""

    shards: list[Path]
    weights: list[Weight]


def read_graph_model(path: Path) -> GraphModel:
    """Read a model's graph and all its tensors.

    Args:
        path: the folder, or the model.json in it.

    Raises:
        WeightsUnavailable: if model.json or a shard is missing or cannot be opened.
        WeightsDamaged: if model.json is something else, a shard is truncated or too long, or a tensor is of a kind not
            supported.
    """
    file = path / FILE if path.is_dir() else path
    try:
        groups, takers = _parse(file)
    except OSError as error:
        raise _unavailable(file, error) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsDamaged(
            f"{file}: not the {FILE} of a TensorFlow.js graph model, or cut short; copy or download it again"
        ) from None
    tensors: dict[str, NDArray[Any]] = {}
    for group in groups:
        tensors.update(_read_group(group, file))
    return GraphModel(tensors, takers, [file, *(shard for group in groups for shard in group.shards)])


def _parse(file: Path) -> tuple[list[Group], dict[str, list[Operation]]]:
    """The manifest's groups, and the operations by the names of their inputs."""
    model = json.loads(file.read_bytes())
    takers: dict[str, list[Operation]] = {}
    for node in model["modelTopology"]["node"]:
        for source in node.get("input", ()):
            takers.setdefault(source.removeprefix("^").partition(":")[0], []).append(
                Operation(node["name"], node["op"])
            )
    groups = []
    for group in model["weightsManifest"]:
        if any(Path(name).name != name for name in group["paths"]):  # never a file elsewhere on this machine
            raise ValueError("a shard in another folder")
        weights = [
            Weight(one["name"], one["dtype"], tuple(map(int, one["shape"])), "quantization" in one)
            for one in group["weights"]
        ]
        if any(size < 0 for weight in weights for size in weight.shape):
            raise ValueError("a negative size")
        groups.append(Group([file.with_name(name) for name in group["paths"]], weights))
    return groups, takers


def _read_group(group: Group, file: Path) -> dict[str, NDArray[Any]]:
    for weight in group.weights:
        if weight.dtype not in DTYPES or weight.quantized:
            kind = "quantized" if weight.quantized else f"of type {weight.dtype}"
            raise WeightsDamaged(f"{file}: tensor {weight.name} is {kind}, which is not supported; get it in float32")
    _check_sizes(group, sum(weight.size for weight in group.weights))
    parts = []
    for shard in group.shards:
        try:
            parts.append(shard.read_bytes())
        except OSError as error:
            raise _unavailable(shard, error) from None
    data = b"".join(parts)
    tensors: dict[str, NDArray[Any]] = {}
    offset = 0
    for weight in group.weights:
        stored = np.frombuffer(data, DTYPES[weight.dtype], math.prod(weight.shape), offset).reshape(weight.shape)
        tensors[weight.name] = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        offset += weight.size
    return tensors


def _check_sizes(group: Group, expected: int) -> None:
    """Refuse a group whose shards do not hold exactly its tensors, and name the one to blame.

    The converter fills all shards alike but for the last.
    """
    sizes = []
    for shard in group.shards:
        try:
            sizes.append(shard.stat().st_size)
        except OSError as error:
            raise _unavailable(shard, error) from None
    if sum(sizes) == expected:
        return
    full = mode(sizes[:-1]) if len(sizes) > 1 else 0
    wanted = [full] * (len(sizes) - 1) + [expected - full * (len(sizes) - 1)]
    for shard, size, right in zip(group.shards, sizes, wanted, strict=True):
        if size != right:
            raise WeightsDamaged(f"{shard}: has {size} bytes, expected {right}; copy or download it again")


def _unavailable(path: Path, error: OSError) -> WeightsUnavailable:
    if isinstance(error, FileNotFoundError):
        return WeightsUnavailable(
            f"{path}: no such file: a TensorFlow.js model is a {FILE} and its shards, put all in one folder"
        )
    return WeightsUnavailable(f"{path}: cannot be read ({error.strerror}): check the path and its permissions")
