"""The training loop: resumable, with a moving average of the weights."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from deblurcli.errors import OutputError, UsageError
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt
from deblurcli.training.budget import fitted
from deblurcli.training.data import Batches, Photos
from deblurcli.training.memory import keep_freed_memory
from deblurcli.training.recipe import Recipe
from deblurcli.training.state import TrainingState, begin, resume, save
from deblurcli.training.step import autocast_of, clipped_part, take_step
from deblurcli.training.validate import Validation, validate

LATEST = 0.02  # weight of the last step in the means that are reported


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        step: steps done.
        steps: steps in all; of a run that is given a time, as many as fit in it at the pace so far.
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
    def finished(self) -> bool:
        """Whether all steps are done; after `train` has returned, False says that it was to pause."""
        return self.step >= self.steps

    @property
    def seconds_left(self) -> float:
        """At the rate so far."""
        return self.seconds / (self.step - self.first) * (self.steps - self.step)


def train(
    recipe: Recipe,
    photos: Photos,
    validation_pairs: list[tuple[Tensor, Tensor]],
    folder: Path,
    *,
    device: str = "cpu",
    start_from: Path | None = None,
    seconds: float | None = None,
    pause_after: float | None = None,
    save_every: float = 300.0,
    validate_every: int = 1000,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train until `recipe.steps` or for a time, going on from `folder`'s state where an earlier run left one.

    A time is that of the training itself: of all processes together, without what a killed one did after it had saved
    for the last time, which is done again. The last validation and the last saving come after it.

    Args:
        recipe: every number that matters.
        photos: what to learn from.
        validation_pairs: (blurry, sharp) (3, H, W) uint8, to measure on; never trained on.
        folder: gets `state.pt` (to resume) and `<name>.safetensors` (the result so far), each replaced whole.
        device: "cpu" or "cuda".
        start_from: checkpoint whose weights to begin with, in a new run; its kernels may be smaller.
        seconds: train for so long in all, in place of the recipe's steps; see `budget.fitted`.
        pause_after: seconds after which this process saves and returns, for another one to go on.
        save_every: seconds between two savings.
        validate_every: steps between two validations.
        report: called after every step.

    Returns:
        The path of the checkpoint, which holds the moving average of the weights.

    Raises:
        WeightsDamaged: if the state to go on from cannot be read.
        UsageError: if that state is of another recipe, the weights to begin with are of another network, or a batch
            does not fit in memory.
        OutputError: if the folder cannot be written to.
    """
    if device == "cpu":
        keep_freed_memory()
    state = begin(recipe, device, start_from)
    clipped = clipped_part(state.network, recipe.clipped)
    make_run_folder(folder)
    state_file, result = folder / "state.pt", folder / f"{recipe.name}.safetensors"
    if state_file.exists():
        resume(state, state_file, device)
    if seconds is not None:
        state.recipe, state.timed = fitted(recipe, state.step, state.seconds, seconds), True
    if state.finished:
        return result

    loss, psnr, first, before = RunningMean(), RunningMean(), state.step, state.seconds
    started = saved = time.monotonic()
    for blurry, sharp in batches_from(state, photos, device):
        measured = attempt(partial(take_step, state, clipped, blurry, sharp))
        if measured is OUT_OF_MEMORY:
            sizes = f"{recipe.batch} crops of {recipe.crop}x{recipe.crop}"
            raise UsageError(f"not enough memory to train on {sizes} at once; give the recipe a smaller batch or crop")
        elapsed = time.monotonic() - started
        state.seconds = before + elapsed
        if seconds is not None:
            state.recipe = fitted(recipe, state.step, state.seconds, seconds)
        validation = None
        if validation_pairs and (state.finished or state.step % validate_every == 0):
            validation = validate(state.network, state.average, validation_pairs, autocast_of(state))
        means = loss.add(measured.loss), psnr.add(measured.psnr)
        report(Progress(state.step, state.recipe.steps, *means, measured.learning_rate, elapsed, first, validation))
        last = state.finished or (pause_after is not None and elapsed >= pause_after)
        if last or time.monotonic() - saved > save_every:
            save(state, state_file, result)
            saved = time.monotonic()
        if last:
            break
    return result


def make_run_folder(folder: Path) -> None:
    """Make the folder of a run, unless it is there. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror})") from error


def batches_from(state: TrainingState, photos: Photos, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of the steps that are left: (blurry, sharp), both (N, 3, P, P) float32 in [0, 1] on the device."""
    # One worker process makes the batches ahead of time; two cores leave no room for more.
    workers = max(1, (os.cpu_count() or 2) // 2)
    steps = range(state.step, sys.maxsize if state.timed else state.recipe.steps)
    for pair in DataLoader(Batches(photos, state.recipe), batch_size=None, sampler=steps, num_workers=workers):
        blurry, sharp = (image.to(device, memory_format=torch.channels_last).float() / 255 for image in pair)
        yield blurry, sharp


class RunningMean:
    """An exponential moving average, which begins with the first value."""

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, new: float) -> float:
        """The mean with one value more."""
        self.value = new if self.value is None else (1 - LATEST) * self.value + LATEST * new
        return self.value
