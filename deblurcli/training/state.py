"""All that a run consists of between two steps: begun, saved, and taken up again where an earlier run left it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deblurcli.atomic import write_atomically
from deblurcli.errors import OutputError, UsageError, WeightsDamaged
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from deblurcli.networks import architecture
from deblurcli.networks.base import Architecture
from deblurcli.training.recipe import Recipe, recipe_from
from deblurcli.training.warm_start import fitted


@dataclass
class TrainingState:
    """A run between two steps.

    Attributes:
        recipe: every number that matters; its steps and decay change on the way in a run that is given a time.
        network: on its device, float32, channels last in memory.
        optimizer: of the network's parameters, and of the trust.
        average: the moving average of the network's state dict, on its device.
        trust: what the trust ratios are made of, a number for each prediction; None if all count the same.
        step: steps done.
        seconds: that they took.
        timed: whether it is given a time rather than a number of steps.
    """

    recipe: Recipe
    network: Any
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    trust: Tensor | None = None
    step: int = 0
    seconds: float = 0.0
    timed: bool = False

    @property
    def architecture(self) -> Architecture[Any, Any]:
        """What kind of network it is."""
        return architecture(self.recipe.architecture)

    @property
    def trust_ratios(self) -> Tensor | None:
        """By which every prediction's loss counts, (predictions,), positive, in all 1; None if all count the same."""
        return None if self.trust is None else self.trust.softmax(0)

    @property
    def finished(self) -> bool:
        """Whether all of the recipe's steps are done."""
        return self.step >= self.recipe.steps


def begin(recipe: Recipe, device: str, start_from: Path | None) -> TrainingState:
    """A run before its first step: the recipe's initial weights, or those of a checkpoint.

    Raises:
        UsageError: if the weights to begin with are of another network.
        WeightsUnavailable, WeightsDamaged: if they cannot be read.
    """
    torch.manual_seed(recipe.seed)
    kind = architecture(recipe.architecture)
    network = kind.build(recipe.network)
    kind.initialise[recipe.initialisation](network)
    if start_from:
        network.load_state_dict(fitted(load_checkpoint(start_from)[0].state_dict(), network, start_from))
    network.to(device=device, memory_format=torch.channels_last)
    betas = (0.9, recipe.beta2)
    parameters = equalised(network) if recipe.equalised else network.parameters()
    optimizer = torch.optim.AdamW(parameters, betas=betas, weight_decay=recipe.weight_decay)
    trust = None
    if recipe.loss.trust:
        smallest = torch.zeros(1, recipe.network.image_channels, *[recipe.network.size_multiple] * 2)
        trust = torch.zeros(len(kind.targets(recipe.network, smallest)), device=device, requires_grad=True)
        optimizer.add_param_group({"params": [trust], "weight_decay": 0.0})
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    return TrainingState(recipe, network, optimizer, average, trust)


def equalised(network: nn.Module) -> list[dict[str, Any]]:
    """The optimiser's groups of parameters, one for each layer, with the `scale` of its learning rate."""
    groups: list[dict[str, Any]] = []
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own:
            inputs = math.prod(own[0].shape[1:])  # of each output; 1 for what is only a factor or a bias
            groups.append({"params": own, "scale": math.sqrt(2 / inputs) / 0.05 if inputs > 1 else 1.0})
    return groups


def resume(state: TrainingState, path: Path, device: str) -> None:
    """Take up a run that was saved, in place of the one just begun.

    Raises:
        WeightsDamaged: if the file cannot be read.
        UsageError: if it is of another recipe.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        refuse_other_recipe(path, saved["recipe"], state.recipe)
        state.network.load_state_dict(saved["network"])
        state.optimizer.load_state_dict(saved["optimizer"])
        for key, value in state.average.items():
            value.copy_(saved["average"][key])
        if state.trust is not None:
            state.trust.data.copy_(saved["trust"])
        state.step = int(saved["step"])
        state.seconds = float(saved.get("seconds", 0.0))  # not in states of version 0.1
    except UsageError:
        raise
    except Exception as error:  # torch.load raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise WeightsDamaged(f"{path}: cannot go on from this state ({reason}); remove it to start afresh") from error


def refuse_other_recipe(path: Path, saved: dict[str, Any], recipe: Recipe) -> None:
    """Only the length of a run may change on the way; anything else would belong to neither recipe.

    Args:
        path: of the saved state, for the error.
        saved: its recipe as plain data, with the names and settings of the version that began the run.
        recipe: of now.

    Raises:
        UsageError: if they differ in something else.
    """
    old, new = settled(recipe_from(saved, str(path))), settled(recipe)
    changed = [key for key in new if key not in ("steps", "decay") and old[key] != new[key]]
    if changed:
        raise UsageError(f"{path}: was trained with another {changed[0]!r}; give another --output to start afresh")


def settled(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain data, with the name of its initialisation where it leaves that to the architecture."""
    return {**recipe.as_dict(), "initial": recipe.initialisation}


def save(state: TrainingState, state_file: Path, result: Path) -> None:
    """Write what a run can go on from, and the moving average of its weights as a checkpoint, each whole or not at all.

    Raises:
        OutputError: if one cannot be written.
    """
    recipe = state.recipe
    buffer = io.BytesIO()
    saved = {
        "step": state.step,
        "seconds": state.seconds,
        "recipe": recipe.as_dict(),
        "network": state.network.state_dict(),
        "average": state.average,
        "trust": state.trust,
        "optimizer": state.optimizer.state_dict(),
    }
    torch.save(saved, buffer)
    summary: dict[str, Any] = {"steps": state.step, "recipe": recipe.as_dict()}
    if state.trust_ratios is not None:
        summary["trust"] = [round(ratio, 6) for ratio in state.trust_ratios.tolist()]
    if state.timed:  # elsewhere the same steps give the same file, however long they took
        summary["seconds"] = round(state.seconds, 3)
    info = ModelInfo(recipe.architecture, recipe.as_dict()["network"], recipe.name, "1", recipe.licence, summary)
    # The result first: after a kill between the two, the same steps are done again rather than the result missing.
    # Half the size in float16; loading turns it back into float32 at a cost far below 0.01 dB.
    save_checkpoint(result, {key: value.half() for key, value in state.average.items()}, info)
    try:
        write_atomically(buffer.getvalue(), state_file, overwrite=True)
    except OSError as problem:
        raise OutputError(f"{state_file}: cannot write ({problem.strerror}); check the free space") from problem
