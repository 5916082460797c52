"""Weights that a network's authors released in a format of TensorFlow: whose they are, and their import."""

from __future__ import annotations

from pathlib import Path

from deblurcli.errors import UsageError, WeightsUnavailable
from deblurcli.models.checkpoint import ModelInfo
from deblurcli.models.importers import object_graph, tensorflow_js
from deblurcli.models.importers.maxim_release import from_bundle, from_graph_model, save_released
from deblurcli.models.importers.srn_release import import_release
from deblurcli.models.importers.tensor_bundle import open_bundle


def import_tensorflow(source: Path, output: Path, stages: int | None = None) -> ModelInfo:
    """Write the released weights of SRN or MAXIM as a safetensors file.

    Args:
        source: the model.json of a TensorFlow.js graph model; the common path of a checkpoint's files, or one of them;
            or the folder of any of these.
        stages: keep only so many of MAXIM's stages, the first ones; None for all.

    Raises:
        UsageError: if the weights have no stages, or not so many.
        WeightsUnavailable: if a file is missing.
        WeightsDamaged: if one is damaged, truncated or none of these releases.
        OutputError: if the result cannot be written.
    """
    if source.is_dir():
        source = inside(source)
    if source.suffix == Path(tensorflow_js.FILE).suffix:
        return save_released(from_graph_model(tensorflow_js.read_graph_model(source)), output, stages)
    bundle = open_bundle(source)
    if object_graph.TENSOR in bundle.entries:  # of TensorFlow 2; SRN's are of TensorFlow 1
        return save_released(from_bundle(bundle), output, stages)
    if stages is not None:
        raise UsageError(f"--stages {stages}: {source} holds no MAXIM; leave the option out")
    return import_release(source, output)


def inside(folder: Path) -> Path:
    """The model.json, or the index of the checkpoint, in a folder; of a SavedModel it is one folder further down."""
    for pattern in (tensorflow_js.FILE, "*.index", "variables/*.index"):
        if found := sorted(folder.glob(pattern)):
            return found[0]
    raise WeightsUnavailable(
        f"{folder}: holds no {tensorflow_js.FILE} and no .index file; give the folder of a TensorFlow model"
    )
