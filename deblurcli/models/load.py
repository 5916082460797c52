"""How a model's file becomes a network, and which model is taken where none is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.digest import sha256_of
from deblurcli.errors import WeightsUnavailable
from deblurcli.models.catalog import catalog, entry_of
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, load_state
from deblurcli.models.files import find_weights
from deblurcli.models.reference import PICKLES

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "maxim-fast"  # for those who name none


def load_network(name_or_file: str | Path) -> nn.Module:
    """The network of a model, in evaluation mode, float32, on the CPU.

    Call it with a float tensor (N, C, H, W) in [0, 1], RGB (or grey for grey models), sides multiples of its
    `config.size_multiple`; it returns the list of all its scales' predictions, coarsest first.

    Args:
        name_or_file: a name of the catalogue, `hf:org/repo/file[@commit]`, a `.safetensors` checkpoint, or a `.pth` /
            `.pt` pickle of a state dict.

    Raises:
        WeightsUnavailable: if it is not there.
        WeightsDamaged: if it is truncated, altered or of an unknown kind.
    """
    return load_model(name_or_file)[0]


def load_model(name_or_file: str | Path) -> tuple[nn.Module, ModelInfo]:
    """As `load_network`, with what the file says about itself; name and licence are the catalogue's if it is there."""
    path = find_weights(name_or_file)
    if path.suffix in PICKLES:
        from deblurcli.models.importers.pickled import read_pickled

        info, state = read_pickled(path)
        network = load_state(info, state, path)
    else:
        network, info = load_checkpoint(path)
    if record := catalog().get(str(name_or_file)):
        info = dataclasses.replace(info, name=record.name, licence=record.licence)
    return network, info


def import_pickled(source: Path, output: Path) -> ModelInfo:
    """Write a `.pth` or `.pt` pickle of a state dict as a safetensors file; values keep their precision.

    Raises:
        WeightsUnavailable: if it is not there.
        WeightsDamaged: if it is damaged, holds more than tensors, or is of an unknown network.
        OutputError: if the result cannot be written.
    """
    if not source.is_file():
        raise WeightsUnavailable(f"{source}: no such file; check the path")
    from deblurcli.models.checkpoint import save_checkpoint
    from deblurcli.models.importers.pickled import read_pickled

    info, state = read_pickled(source)
    sha256 = sha256_of(source)
    info = dataclasses.replace(info, training={"source": source.name, "sha256": sha256})
    if record := entry_of(sha256):
        info = dataclasses.replace(info, name=record.name, licence=record.licence)
    # Cloned, because tensors of a pickle may share their memory, which the other format does not allow.
    save_checkpoint(output, {key: value.clone() for key, value in state.items()}, info)
    return info
