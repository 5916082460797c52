"""`deblur train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.progress import counting
from deblurcli.errors import UsageError

Folders = list[Path] | None


@command
def train(
    recipe: Annotated[Path, typer.Option(help="TOML file, such as weights/recipes/srn-fast.toml.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", show_default=False)],
    sharp: Annotated[Folders, typer.Option(help="Folder of sharp photos, blurred on the fly. Repeatable.")] = None,
    pairs: Annotated[Folders, typer.Option(help="Folder with blur/, sharp/ and maybe taught/. Repeatable.")] = None,
    validate: Annotated[Folders, typer.Option(help="The same, only to measure on. Repeatable.")] = None,
    start_from: Annotated[Path | None, typer.Option(help="Checkpoint whose weights a new run begins with.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda.")] = "auto",
    time: Annotated[
        str | None,
        typer.Option("--for", help="Train for so long in all, as 25m or 1h30m: the recipe's steps are fitted to it."),
    ] = None,
    pause_after: Annotated[
        str | None, typer.Option(help="Save and end after so long, such as 9m; the same command goes on.")
    ] = None,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds between two savings.")] = 300.0,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between two validations.")] = 1000,
) -> None:
    """Train a network; run the same command again to go on after an interruption.

    The folder of the run gets state.pt, from which a run resumes with the same results as without the interruption,
    and the checkpoint so far, for --model. With --for the learning rate falls to 0 just as the time ends; the loading
    of photos and the very last saving are not counted, nor what a killed run had not saved. A folder of pairs may have
    a third picture of each in taught/: what a stronger model made of the blurred one, as by deblur blur/ -o taught/
    --model maxim-gopro; the recipe's taught_steps says for how long it is learnt from.
    """
    if not sharp and not pairs:
        raise UsageError("nothing to learn from; give --sharp FOLDER or --pairs FOLDER")
    from deblurcli.restore.device import pick_device
    from deblurcli.training.budget import seconds_of
    from deblurcli.training.data import Photos
    from deblurcli.training.loop import Progress
    from deblurcli.training.loop import train as run
    from deblurcli.training.photos import load_pairs, load_photos, load_training_pairs
    from deblurcli.training.recipe import read_recipe

    plan = read_recipe(recipe)
    seconds, pause = (seconds_of(text) if text is not None else None for text in (time, pause_after))
    target = pick_device(device)
    learnt, taught = load_training_pairs(pairs or [], plan.crop)
    photos = Photos([photo for folder in sharp or [] for photo in load_photos(folder, plan.crop)], learnt, taught)
    validation = [pair for folder in validate or [] for pair in load_pairs(folder)]
    console.say(
        f"{len(photos.sharp)} sharp photos, {len(photos.pairs)} pairs, {len(validation)} to validate on; {target}"
    )
    with counting("steps") as bars:
        task = bars.add_task("", total=None if time else plan.steps, status="")
        latest: Progress | None = None

        def report(progress: Progress) -> None:
            nonlocal latest
            latest = progress
            status = f"loss {progress.loss:.4f}, {progress.psnr:.2f} dB"
            bars.update(task, completed=progress.step, total=progress.steps, status=status)
            measured = progress.validation
            if measured:
                gains = measured.gains
                mean = sum(gains) / len(gains)
                line = f"step {progress.step}: validation {mean:+.3f} dB mean, {min(gains):+.2f} to {max(gains):+.2f}"
                console.say(line)
            elif bars.disable and progress.step % 100 == 0:
                left = progress.seconds_left
                console.say(f"step {progress.step}/{progress.steps}: {status}, {left / 60:.0f} min left")

        result = run(
            plan, photos, validation, output, device=str(target), start_from=start_from, seconds=seconds,
            pause_after=pause, save_every=save_every, validate_every=validate_every, report=report,
        )  # fmt: skip
    unfinished = latest is not None and not latest.finished
    console.say(f"{'paused, the same command goes on' if unfinished else 'done'}: {result}")
