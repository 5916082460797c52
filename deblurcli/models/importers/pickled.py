"""State dicts in PyTorch pickles (`.pth`, `.pt`): read without running code from the file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deblurcli.errors import WeightsDamaged
from deblurcli.models.checkpoint import ModelInfo, check_state
from deblurcli.networks import ARCHITECTURES

WRAPPERS = ("params_ema", "params", "state_dict", "model")  # the first that is there is taken


def read_pickled(path: Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    """A state dict of one of the known architectures, which is recognised by its tensors' names and shapes.

    Those of SRN are this program's own, those of NAFNet are those of its authors' files. Each tensor is checked: none
    is missing or of another shape, none is left over, and all values are finite. The licence remains "unknown".

    Raises:
        WeightsDamaged: if it is damaged, holds more than tensors, or is of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsDamaged(f"{path}: not a readable PyTorch file of plain tensors; get it again") from error
    state = unwrap(content)
    if not state:
        raise WeightsDamaged(f"{path}: holds no state dict of tensors; give a file of a network's weights alone")
    info = recognise(state, path)
    check_state(info, state, path)
    return info, state


def unwrap(content: Any) -> dict[str, Tensor]:
    """The state dict inside the usual wrappings, without the prefix that parallel training adds."""
    while isinstance(content, Mapping) and (inner := [content[key] for key in WRAPPERS if key in content]):
        content = inner[0]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        return {}
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def recognise(state: Mapping[str, Tensor], path: Path) -> ModelInfo:
    """The architecture of a state dict and its hyper-parameters; the name is the file's.

    Raises:
        WeightsDamaged: if it is none of the known ones.
    """
    key, entry = max(ARCHITECTURES.items(), key=lambda item: item[1].likeness(state))
    if entry.likeness(state) > 0.5:
        try:
            return ModelInfo(key, asdict(entry.read_config(state)), path.stem)
        except KeyError as error:
            reason = f"tensor {error.args[0]} is missing"
        except IndexError:
            reason = "a tensor has too few dimensions"
        except ValueError as error:
            reason = str(error)
        raise WeightsDamaged(f"{path}: not the weights of {entry.title} ({reason}); get the file again")
    known = " or ".join(entry.title for entry in ARCHITECTURES.values())
    raise WeightsDamaged(
        f"{path}: the weights of an unknown network (its first tensor is {next(iter(state))}); give those of {known}"
    )
