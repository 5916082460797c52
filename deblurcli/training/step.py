"""One step of a training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deblurcli.errors import UsageError
from deblurcli.training.loss import loss_of
from deblurcli.training.state import TrainingState


@dataclass(frozen=True)
class StepMeasures:
    """What a step saw of its batch, before it changed the weights.

    Attributes:
        loss: of the batch.
        psnr: mean over the batch of the PSNR in dB of the full-size prediction, clipped to [0, 1].
        learning_rate: of the step.
    """

    loss: float
    psnr: float
    learning_rate: float


def autocast_of(state: TrainingState) -> torch.autocast:
    """The context in which the network of a run computes, in the recipe's precision."""
    return torch.autocast(state.network.device.type, torch.bfloat16, enabled=state.recipe.precision == "bf16")


def clipped_part(network: nn.Module, name: str) -> nn.Module:
    """The module whose gradients are clipped: "all", or one of the network's by its name. Raises UsageError."""
    try:
        return network if name == "all" else network.get_submodule(name)
    except AttributeError as error:
        raise UsageError(f'the recipe\'s network has no module {name!r} to clip; give clipped = "all"') from error


def take_step(state: TrainingState, clipped: nn.Module, blurry: Tensor, sharp: Tensor) -> StepMeasures:
    """Take one step, which changes the weights, their moving average and the number of steps done.

    Args:
        state: of the run.
        clipped: the module whose gradients are clipped.
        blurry, sharp: (N, 3, P, P) float32 in [0, 1], on the network's device.
    """
    recipe, network, optimizer = state.recipe, state.network, state.optimizer
    rate = recipe.rate_at(state.step)
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    with autocast_of(state):
        predictions = network(blurry)
    targets = state.architecture.targets(recipe.network, sharp)
    loss = loss_of(predictions, targets, blurry, sharp, recipe.loss, state.trust_ratios)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(clipped.parameters(), recipe.clip)
    optimizer.step()
    state.step += 1
    keep = min(recipe.ema, state.step / (10 + state.step))  # the first weights must not weigh on it for long
    for key, value in network.state_dict().items():
        state.average[key].lerp_(value, 1 - keep)
    return StepMeasures(loss.item(), batch_psnr(predictions[-1], sharp), rate)


def batch_psnr(prediction: Tensor, sharp: Tensor) -> float:
    """Mean PSNR in dB of predictions, clipped, and images in [0, 1], both (N, C, H, W); at most 100 dB each."""
    mse = (prediction.detach().float().clamp(0, 1) - sharp).square().mean((1, 2, 3))
    return float((-10 * mse.clamp(min=1e-10).log10()).mean())
