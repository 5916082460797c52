"""Training on a machine that is there for a short time: first maxim-fast, then srn, within one budget of seconds.

A call goes on where the one before ended, by itself or by a kill. Seconds are counted from the start of each call to
its end, whatever it did in them, and written down every few seconds, so that no kill makes the machine's bill longer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from packed import pairs_of, photos_of
from torch import Tensor

from deblurcli.atomic import write_atomically
from deblurcli.errors import UsageError
from deblurcli.models.checkpoint import load_checkpoint, read_info
from deblurcli.training.average import average
from deblurcli.training.data import Photos
from deblurcli.training.loop import Progress, make_run_folder, train
from deblurcli.training.recipe import Recipe, read_recipe
from deblurcli.training.state import begin
from deblurcli.training.validate import validate

BEAT = 5.0  # seconds between two notes of the time spent
TELL_EVERY = 20.0  # seconds
RESERVE = 0.03  # of the budget and of a call, for measuring and saving
BASE_SHARE = 0.5  # of the base in the mean with the tuned maxim-fast, as after the first run of the shipped one


@dataclass(frozen=True)
class Plan:
    """One training of the two.

    Attributes:
        recipe: its name, and that of the result.
        until: share of the budget at which it ends.
        mean: name of the mean of the result and of what it began with; None for none.
    """

    recipe: str
    until: float
    mean: str | None = None


PLANS = (Plan("maxim-fast-gpu", 0.6, mean="maxim-fast-gpu-mean"), Plan("srn-gpu", 1.0))


@dataclass
class Ledger:
    """What is known between calls, as one JSON file.

    Attributes:
        path: of the file.
        spent: seconds of all calls.
        runs: recipe -> what is known of its training.
        figures: file -> PSNR in dB on each pair to measure on: {"before": [...], "after": [...]}.
        finished: recipes whose training is done and measured.
    """

    path: Path
    spent: float = 0.0
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)

    def write(self) -> None:
        data = {key: value for key, value in vars(self).items() if key != "path"}
        write_atomically(json.dumps(data, indent=1).encode(), self.path, overwrite=True)


def open_ledger(path: Path) -> Ledger:
    """The ledger of the calls before, or a new one. Raises UsageError if it cannot be read."""
    if not path.exists():
        return Ledger(path)
    try:
        return Ledger(path, **json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: is damaged; remove its folder to begin anew") from error


class Clock:
    """The seconds of this call and of all together; `beat` writes them down now and then."""

    def __init__(self, ledger: Ledger, started: float) -> None:
        self.ledger, self.started, self.before = ledger, started, ledger.spent
        self.beaten = time.monotonic()

    @property
    def call(self) -> float:
        return time.monotonic() - self.started

    def beat(self, *, now: bool = False) -> float:
        """Seconds of all calls together, noted if it is time or if it is to be `now`."""
        self.ledger.spent = self.before + self.call
        if now or time.monotonic() - self.beaten > BEAT:
            self.ledger.write()
            self.beaten = time.monotonic()
        return self.ledger.spent


@dataclass(frozen=True)
class Settings:
    """What a session is told.

    Attributes:
        pack: the folder that `pack` made.
        output: gets the weights and the report.
        work: keeps what is needed to go on.
        recipes: folder with the recipes of `PLANS`.
        starts: recipe -> the checkpoint that it begins with.
        device: "cuda" or "cpu".
        seconds: of all calls together.
        call: seconds of one call at most; None for as many as there are.
        save_every: seconds between two savings.
        batch, crop: in place of the recipes', where given.
    """

    pack: Path
    output: Path
    work: Path
    recipes: Path
    starts: Mapping[str, Path]
    device: str
    seconds: float
    call: float | None = None
    save_every: float = 120.0
    batch: int | None = None
    crop: int | None = None

    def recipe(self, name: str) -> Recipe:
        recipe = read_recipe(self.recipes / f"{name}.toml")
        recipe = replace(recipe, name=name, batch=self.batch or recipe.batch, crop=self.crop or recipe.crop)
        if recipe.crop % recipe.network.size_multiple:
            raise UsageError(f"--crop {recipe.crop}: must be a multiple of {recipe.network.size_multiple}")
        return recipe


def go_on(
    settings: Settings, started: float, tell: Callable[[str], None], write_report: Callable[[Settings, Ledger], Any]
) -> Ledger:
    """Train as long as this call may.

    Args:
        settings: of the session.
        started: when the call began, by `time.monotonic()`.
        tell: told in a line how far it is.
        write_report: called whenever there is more to report; the machine may be gone any time.

    Returns:
        What there is now; all is done if every plan is `finished`.

    Raises:
        DeblurError: as `train` and `average` do.
    """
    for folder in (settings.output, settings.work):
        make_run_folder(folder)
    ledger = open_ledger(settings.work / "ledger.json")
    clock = Clock(ledger, started)
    waiting = [plan for plan in PLANS if plan.recipe not in ledger.finished]
    for plan in waiting:
        # What does not fit together is to be told now, not when half of the time is over.
        begin(settings.recipe(plan.recipe), "cpu", settings.starts[plan.recipe])
    photos = photos_of(settings.pack) if waiting else Photos([], [])
    pairs = [pair for _, pair in pairs_of(settings.pack / "pairs" / "eval")]
    if settings.device == "cpu":
        pairs = pairs[:1]  # a rehearsal is to end
    counts = f"{len(photos.sharp)} photos, {len(photos.pairs)} pairs, {len(pairs)} to measure on"
    tell(f"{counts}; {clock.beat():.0f} of {settings.seconds:.0f} s used")
    for index, plan in enumerate(waiting):
        if index and settings.call is not None and settings.call * (1 - RESERVE) <= clock.call:
            break
        ended = train_until(plan, settings, photos, clock, tell)
        write_report(settings, ledger)
        if not ended:
            break
        conclude(plan, settings, pairs, ledger, tell)
        ledger.finished.append(plan.recipe)
        clock.beat(now=True)
    clock.beat(now=True)
    write_report(settings, ledger)
    return ledger


def train_until(plan: Plan, settings: Settings, photos: Photos, clock: Clock, tell: Callable[[str], None]) -> bool:
    """Train one network until its share of the time is over. False if the call is over before, or the time at once."""
    recipe, folder, ledger = settings.recipe(plan.recipe), settings.work / plan.recipe, clock.ledger
    result = folder / f"{plan.recipe}.safetensors"
    left = plan.until * settings.seconds * (1 - RESERVE) - clock.beat()
    # One step at least, or calls that are too short would go on for ever.
    rest = None if settings.call is None else max(0.0, settings.call * (1 - RESERVE) - clock.call)
    if left <= 0:
        tell(f"{plan.recipe}: no time left" + ("" if result.exists() else ", and nothing was saved of it"))
        return result.exists()
    trained = float(read_info(result).training["seconds"]) if result.exists() else 0.0
    published = told = 0.0
    latest: Progress | None = None

    def report(progress: Progress) -> None:
        nonlocal published, told, latest
        latest = progress
        clock.beat()
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            tell(f"{plan.recipe}: {in_words(progress)}")
        if result.exists() and result.stat().st_mtime != published:  # the machine may be gone any time
            published = result.stat().st_mtime
            publish(result, settings.output)

    train(
        recipe, photos, [], folder, device=settings.device, start_from=settings.starts[plan.recipe],
        seconds=trained + left, pause_after=rest, save_every=settings.save_every, report=report,
    )  # fmt: skip
    publish(result, settings.output)
    if latest is not None:
        ledger.runs[plan.recipe] = {
            "steps": latest.step, "seconds": read_info(result).training["seconds"], "loss": latest.loss,
            "psnr": latest.psnr, "batch": recipe.batch, "crop": recipe.crop, "seconds_per_step": pace_of(latest),
        }  # fmt: skip
        if settings.device == "cuda":
            ledger.runs[plan.recipe]["gpu_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return latest is None or latest.finished


def in_words(progress: Progress) -> str:
    return (
        f"step {progress.step}/{progress.steps}, {pace_of(progress):.3f} s a step, loss {progress.loss:.4f}, "
        f"{progress.psnr:.2f} dB, {progress.seconds_left:.0f} s left"
    )


def pace_of(progress: Progress) -> float:
    """Seconds of a step, the mean of this call."""
    return progress.seconds / (progress.step - progress.first)


def conclude(plan: Plan, settings: Settings, pairs: list[Any], ledger: Ledger, tell: Callable[[str], None]) -> None:
    """Take the mean, and measure it, the result, and what it began with."""
    result, start = settings.output / f"{plan.recipe}.safetensors", settings.starts[plan.recipe]
    files = [start, result]
    if plan.mean:
        files.append(settings.output / f"{plan.mean}.safetensors")
        average([(start, BASE_SHARE), (result, 1 - BASE_SHARE)], files[-1])
    for path in files if pairs else []:
        measured = measure(path, pairs, settings.device)
        ledger.figures[path.name] = measured
        mean = sum(measured["after"]) / len(pairs)
        tell(f"{path.name}: {mean:.2f} dB, the mean of {len(pairs)}")


def measure(path: Path, pairs: list[tuple[Tensor, Tensor]], device: str) -> dict[str, list[float]]:
    """PSNR in dB of every pair in bfloat16: of the blurry image, and of a checkpoint's result."""
    network: Any = load_checkpoint(path)[0].to(device)
    found = validate(network, network.state_dict(), pairs, torch.autocast(device, torch.bfloat16))
    return {"before": list(found.before), "after": list(found.after)}


def publish(result: Path, output: Path) -> None:
    """A copy of the weights so far where they are looked for, whole or not at all."""
    write_atomically(result.read_bytes(), output / result.name, overwrite=True)
