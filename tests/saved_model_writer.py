"""A writer of the checkpoints on the Hub, in which the tensors' names are in a graph of objects only."""

from __future__ import annotations

from pathlib import Path

import bundle_writer as writer
import numpy as np

from deblurcli.models.importers import object_graph
from deblurcli.models.importers.crc32c import masked_crc32c


def write_saved_model(folder: Path, named: dict[str, np.ndarray]) -> Path:
    """The checkpoint in the folder of a SavedModel, of tensors by the names of their variables; returns the folder."""
    layers = {name.rpartition("/")[0]: None for name in named}
    numbers = {layer: number for number, layer in enumerate(layers)}
    keys = {}
    for name in named:
        layer, _, role = name.rpartition("/")
        keys[f"layer_with_weights-{numbers[layer]}/{role}/.ATTRIBUTES/VARIABLE_VALUE"] = name
    tensors: dict[str, np.ndarray | bytes] = {key: named[name] for key, name in keys.items()}
    tensors[object_graph.TENSOR] = writer.object_graph(keys)
    (folder / "variables").mkdir(parents=True)
    writer.write_bundle(folder / "variables" / "variables", tensors, checksum=masked_crc32c)
    return folder
