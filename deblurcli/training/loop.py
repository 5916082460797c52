"""The training loop: resumable, with a moving average of the weights."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from deblurcli.atomic import write_atomically
from deblurcli.errors import OutputError, UsageError, WeightsDamaged
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from deblurcli.networks import architecture
from deblurcli.training.data import Batches, Photos
from deblurcli.training.loss import loss_of
from deblurcli.training.memory import keep_freed_memory
from deblurcli.training.recipe import Recipe, with_present_names
from deblurcli.training.validate import Validation, validate
from deblurcli.training.warm_start import fitted


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        step: steps done.
        steps: steps in all.
        loss: moving average of the loss.
        psnr: the same of the batch's PSNR in dB, at full resolution.
        learning_rate: of the last step.
        seconds: since this process began to train.
        first: step at which this process began.
        validation: of the moving average's weights, when this step was one for it.
    """

    step: int
    steps: int
    loss: float
    psnr: float
    learning_rate: float
    seconds: float
    first: int
    validation: Validation | None = None

    @property
    def seconds_left(self) -> float:
        return self.seconds / (self.step - self.first) * (self.steps - self.step)


def train(
    recipe: Recipe,
    photos: Photos,
    validation_pairs: list[tuple[Tensor, Tensor]],
    folder: Path,
    *,
    device: str = "cpu",
    start_from: Path | None = None,
    save_every: float = 300.0,
    validate_every: int = 1000,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train until `recipe.steps`, going on from `folder`'s state where an earlier run left one.

    Args:
        recipe: every number that matters.
        photos: what to learn from.
        validation_pairs: (blurry, sharp) (3, H, W) uint8, to measure on; never trained on.
        folder: gets `state.pt` (to resume) and `<name>.safetensors` (the result so far), each replaced whole.
        device: "cpu" or "cuda".
        start_from: checkpoint whose weights to begin with, in a new run; its kernels may be smaller.
        save_every: seconds between two savings.
        validate_every: steps between two validations.
        report: called after every step.

    Returns:
        The path of the checkpoint, which holds the moving average of the weights.

    Raises:
        WeightsDamaged: if the state to go on from cannot be read.
        UsageError: if that state is of another recipe, or the weights to begin with are of another network.
        OutputError: if the folder cannot be written to.
    """
    if device == "cpu":
        keep_freed_memory()
    torch.manual_seed(recipe.seed)
    kind = architecture(recipe.architecture)
    network = kind.build(recipe.network)
    ways = kind.initialise
    ways[recipe.initial or next(iter(ways))](network)
    if start_from:
        network.load_state_dict(fitted(load_checkpoint(start_from)[0].state_dict(), network, start_from))
    network.to(device=device, memory_format=torch.channels_last)
    betas = (0.9, recipe.beta2)
    optimizer = torch.optim.AdamW(network.parameters(), betas=betas, weight_decay=recipe.weight_decay)
    clipped = clipped_part(network, recipe.clipped)
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror})") from error
    state_file, result = folder / "state.pt", folder / f"{recipe.name}.safetensors"
    step = 0
    if state_file.exists():
        step = restore(state_file, recipe, network, optimizer, average, device)

    def save() -> None:
        state = {
            "step": step,
            "recipe": recipe.as_dict(),
            "network": network.state_dict(),
            "average": average,
            "optimizer": optimizer.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        summary: dict[str, Any] = {"steps": step, "recipe": recipe.as_dict()}
        info = ModelInfo(recipe.architecture, recipe.as_dict()["network"], recipe.name, "1", recipe.licence, summary)
        # The result first: after a kill between the two, the same steps are done again rather than the result missing.
        # Half the size in float16; loading turns it back into float32 at a cost far below 0.01 dB.
        save_checkpoint(result, {key: value.half() for key, value in average.items()}, info)
        try:
            write_atomically(buffer.getvalue(), state_file, overwrite=True)
        except OSError as problem:
            raise OutputError(f"{state_file}: cannot write ({problem.strerror}); check the free space") from problem

    # One worker process makes the batches ahead of time; two cores leave no room for more.
    batches = Batches(photos, recipe)
    workers = max(1, (os.cpu_count() or 2) // 2)
    loader = DataLoader(batches, batch_size=None, sampler=range(step, recipe.steps), num_workers=workers)
    autocast = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bf16")
    loss_mean = psnr_mean = 0.0
    began = step
    started = saved = time.monotonic()
    for blurry_bytes, sharp_bytes in loader:
        blurry, sharp = (
            image.to(device, memory_format=torch.channels_last).float() / 255 for image in (blurry_bytes, sharp_bytes)
        )
        rate = recipe.rate_at(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with autocast:
            predictions = network(blurry)
        loss = loss_of(predictions, kind.targets(recipe.network, sharp), blurry, sharp, recipe.loss)
        network.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(clipped.parameters(), recipe.clip)
        optimizer.step()
        step += 1
        keep = min(recipe.ema, step / (10 + step))  # the first weights must not weigh on the average for long
        for key, value in network.state_dict().items():
            average[key].lerp_(value, 1 - keep)

        mse = (predictions[-1].detach().float().clamp(0, 1) - sharp).square().mean((1, 2, 3))
        psnr = float((-10 * mse.clamp(min=1e-10).log10()).mean())
        fresh = step == began + 1
        loss_mean = loss.item() if fresh else 0.98 * loss_mean + 0.02 * loss.item()
        psnr_mean = psnr if fresh else 0.98 * psnr_mean + 0.02 * psnr
        last = step == recipe.steps
        measured = None
        if validation_pairs and (last or step % validate_every == 0):
            measured = validate(network, average, validation_pairs, autocast)
        report(Progress(step, recipe.steps, loss_mean, psnr_mean, rate, time.monotonic() - started, began, measured))
        if last or time.monotonic() - saved > save_every:
            save()
            saved = time.monotonic()
    return result


def clipped_part(network: nn.Module, name: str) -> nn.Module:
    """The module whose gradients are clipped: "all", or one of the network's by its name. Raises UsageError."""
    try:
        return network if name == "all" else network.get_submodule(name)
    except AttributeError as error:
        raise UsageError(f'the recipe\'s network has no module {name!r} to clip; give clipped = "all"') from error


def restore(
    path: Path,
    recipe: Recipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    device: str,
) -> int:
    """Load a saved state into all of these; returns the steps done."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        refuse_other_recipe(path, state["recipe"], recipe.as_dict())
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        for key, value in average.items():
            value.copy_(state["average"][key])
    except UsageError:
        raise
    except Exception as error:  # torch.load raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise WeightsDamaged(f"{path}: cannot go on from this state ({reason}); remove it to start afresh") from error
    return int(state["step"])


def refuse_other_recipe(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Only the length of a run may change on the way; anything else would belong to neither recipe."""
    old = with_present_names({"architecture": "srn", **old})
    changed = [key for key in new if key not in ("steps", "decay") and old.get(key) != new[key]]
    if changed:
        raise UsageError(f"{path}: was trained with another {changed[0]!r}; give another --output to start afresh")
