"""One photo: to a file, or to standard output, a pipe or a device."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.atomic import remove_leftovers
from deblurcli.cli.console import console
from deblurcli.cli.interrupt import raised_by_signals
from deblurcli.cli.progress import photo_progress
from deblurcli.cli.report import BAD, say_result
from deblurcli.cli.streams import refuse_closed_output
from deblurcli.errors import ExitCode, InputError
from deblurcli.jobs.model import Model
from deblurcli.jobs.process import process, try_step
from deblurcli.jobs.stores.sink import STANDARD_OUTPUT, Sink
from deblurcli.jobs.task import Options, Status, Task

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


def restore_one(task: Task, model: Model, options: Options) -> ExitCode:
    """Restore a photo to a file and tell about it; returns what the process should end with.

    Raises:
        InputError: if the result is there already: there is nothing else to do.
    """
    if isinstance(task.target, Path):
        remove_leftovers(task.target.parent)
    with photo_progress(None) as progress, raised_by_signals():
        result = try_step(task, lambda: process(task, lambda: load_and_say(model)[0], options, progress))
    if result.status is Status.SKIPPED:
        raise InputError(str(result.error))
    say_result(result)
    return result.error.exit_code if result.error else ending(result.status)


def pipe(task: Task, model: Model, options: Options) -> ExitCode:
    """Restore a photo to a sink; of what else there is to say only problems.

    Raises:
        DeblurError: if that is not possible.
    """
    if task.target == Sink(STANDARD_OUTPUT):
        refuse_closed_output()
    result = process(task, lambda: load(model)[0], options)
    for note in result.notes:
        console.problem(note)
    return ending(result.status)


def ending(status: Status) -> ExitCode:
    """What the process should end with."""
    return ExitCode.SOME_FAILED if status in BAD or console.unheard else ExitCode.OK


@functools.lru_cache(maxsize=1)  # a folder's photos ask for it, and then each of its videos
def load(model: Model) -> list[Deblurrer]:
    """The model, once for each device."""
    if console.quiet:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    return model.load()


def load_and_say(model: Model) -> list[Deblurrer]:
    """The same, and what they are and run on."""
    deblurrers = load(model)
    first = deblurrers[0]
    console.say(f"{first.info.name} on {', '.join(str(each.device) for each in deblurrers)}, {first.precision}")
    return deblurrers
