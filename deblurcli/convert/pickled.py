"""State dicts in PyTorch pickles (`.pth`, `.pt`): read without running code from the file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deblurcli.checkpoint import ModelInfo
from deblurcli.errors import WeightsDamaged
from deblurcli.networks.srn import Recurrence, SRNConfig

WRAPPERS = ("params_ema", "params", "state_dict", "model")


def read_pickled(path: Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    """A state dict with this program's own tensor names; the hyper-parameters are read off its shapes.

    What shapes do not show is taken as in the released weights: three scales, TensorFlow's resize, no global residual.

    Raises:
        WeightsDamaged: if it is damaged, holds more than tensors, or is of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsDamaged(f"{path}: not a readable PyTorch file of plain tensors; get it again") from error
    state = unwrap(content)
    if not state:
        raise WeightsDamaged(f"{path}: holds no state dict of tensors")
    try:
        config = config_of(state)
    except (KeyError, ValueError) as error:
        raise WeightsDamaged(f"{path}: not the weights of a scale-recurrent network ({error} is missing)") from error
    return ModelInfo("srn", asdict(config), path.stem), state


def unwrap(content: Any) -> dict[str, Tensor]:
    """The state dict inside the usual wrappings, without the prefix that parallel training adds."""
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        return {}
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def config_of(state: Mapping[str, Tensor]) -> SRNConfig:
    """The hyper-parameters that the shapes of a state dict show."""
    first = state["enc1.0.weight"]
    recurrence: Recurrence = "none"
    for key, kind in (("cell.gates.weight", "convlstm"), ("cell.hidden.weight", "rnn"), ("cell.conv.weight", "conv")):
        if key in state:
            recurrence = kind  # type: ignore[assignment]
    return SRNConfig(
        channels=(first.shape[0], state["enc2.0.weight"].shape[0], state["enc3.0.weight"].shape[0]),
        kernel_size=first.shape[2],
        blocks=sum(key.startswith("enc1.") and key.endswith("conv1.weight") for key in state),
        recurrence=recurrence,
        image_channels=first.shape[1] // 2,
    )
