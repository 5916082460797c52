"""A writer of TensorFlow.js graph models for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Node = dict[str, Any]


def write_graph_model(
    folder: Path, tensors: dict[str, np.ndarray], nodes: Sequence[Node] = (), shard_size: int = 1 << 22
) -> None:
    """Write model.json and its shards, which are full but for the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    data = b"".join(tensor.astype(tensor.dtype.newbyteorder("<")).tobytes() for tensor in tensors.values())
    parts = [data[start : start + shard_size] for start in range(0, max(len(data), 1), shard_size)]
    names = [f"group1-shard{number + 1}of{len(parts)}.bin" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        (folder / name).write_bytes(part)
    weights = [{"name": name, "shape": [*t.shape], "dtype": t.dtype.name} for name, t in tensors.items()]
    constants = [{"name": name, "op": "Const", "input": []} for name in tensors]
    model = {
        "format": "graph-model",
        "modelTopology": {"node": [*constants, *nodes]},
        "weightsManifest": [{"paths": names, "weights": weights}],
    }
    (folder / "model.json").write_text(json.dumps(model))


def operation(name: str, kind: str, *inputs: str) -> Node:
    return {"name": name, "op": kind, "input": list(inputs)}
