"""`deblur batch INPUT... -o OUTPUT`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Generator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deblurcli.batch.pipeline import Stop
from deblurcli.batch.run import Status
from deblurcli.cli.edge import command, say
from deblurcli.cli.interrupt import stopped_by_signals
from deblurcli.cli.options import (
    MODEL_HELP,
    Format,
    Offline,
    Overwrite,
    Precision,
    QualityOption,
    Quiet,
    Recursive,
    Strength,
    Tta,
    pillow_format,
    refuse_resume_with_overwrite,
)
from deblurcli.cli.progress import counting
from deblurcli.cli.summary import Tally, record_of_summary, summary_lines
from deblurcli.display import display_name
from deblurcli.errors import ExitCode, OutputError, UsageError
from deblurcli.hub.fetch import go_offline
from deblurcli.models.files import find_weights
from deblurcli.models.load import DEFAULT

if TYPE_CHECKING:
    from deblurcli.cluster.worker import Result

EPILOG = """\
**Stores**: paths, s3:// (pip install s3fs), gs:// (gcsfs), az:// (adlfs), hf://, and whatever else fsspec knows. They
find their credentials as their own tools do, on every machine of the cluster.

**Exit codes**: 0 all done; 1 some files failed, or the run could not go on; 2 wrong usage; 3 nothing to do or
unreadable input; 4 weights not available; 5 weights damaged; 130 interrupted."""

STOPPING = "deblur: stopping; what is being written still is. Ctrl-C again stops at once\n"


Show = Callable[[dict[str, Any]], None]


class Engine(str, Enum):
    local = "local"
    ray = "ray"


@command
def batch(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Photos or folders, as paths or URLs.")],
    output: Annotated[str, typer.Option("--output", "-o", help="Folder for the results, as path or URL.")],
    recursive: Recursive = False,
    engine: Annotated[Engine, typer.Option(help="local: this process; ray: a Ray cluster.")] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option(help="HOST:PORT of the Ray cluster. Default: $RAY_ADDRESS, this machine's, or a new one on it."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="On the cluster. Default: one per GPU, or per 4 CPUs of a machine.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP + " On a cluster: srn with --device cuda.")] = None,
    offline: Offline = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda; without a cluster also cuda:1, mps.")] = "auto",
    precision: Annotated[
        Precision, typer.Option(help="auto takes the fastest that is checked to be safe, on each machine by itself.")
    ] = Precision.auto,
    strength: Strength = 1.0,
    tta: Tta = False,
    format: Format = None,
    quality: QualityOption = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Do again what the manifest does not call done from these very photos with these settings and this "
            "model. Without it, whatever exists is skipped.",
        ),
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="The records of the run. Default: in a local output folder, else in the user's cache.", readable=False
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per file on standard output, and a summary last.")
    ] = False,
) -> None:
    """Restore many photos, in stores as well as in folders, here or on a Ray cluster.

    `deblur batch s3://bucket/photos -r -o s3://bucket/sharp --engine ray`. Results are the same as those of
    `deblur FOLDER -o OUTPUT`.
    """
    refuse_resume_with_overwrite(resume, overwrite)
    if engine is Engine.local and (address or workers):
        raise UsageError("--address and --workers: are about a cluster; add --engine ray")
    written_format = pillow_format(format)
    if offline:
        go_offline()
    from deblurcli.cluster.records import open_manifest
    from deblurcli.cluster.run import OnRay, Run, restore_tasks
    from deblurcli.cluster.tasks import choose_tasks, plan_tasks
    from deblurcli.cluster.weights import weights_of
    from deblurcli.cluster.worker import Result, Setup

    plan = plan_tasks(inputs, output, recursive=recursive, format=written_format)
    tell: Callable[[str], None] = (lambda line: None) if quiet else say
    model = model or DEFAULT
    path = find_weights(model, tell)
    setup = Setup(device, precision.value, tta, strength, quality)
    run = Run(weights_of(model, path), path, setup, written_format)
    cluster = OnRay(address, workers) if engine is Engine.ray else None
    show = Printer(as_json)
    with open_manifest(plan.folder, manifest) as records:
        todo, skipped = choose_tasks(plan, records, run.settings, overwrite=overwrite, resume=resume)
        tally = Tally(left_out=plan.left_out)
        for task, reason in skipped:
            count_result(tally, Result(task, Status.SKIPPED, error=f"{display_name(str(task.target))}: {reason}"))
            show(record_of_result(Result(task, Status.SKIPPED, error=reason)))
        stopped, code = None, ExitCode.OK
        if todo:
            stop = Stop()
            results = restore_tasks(run, plan, todo, cluster, records, tell, stop)
            stopped, code = follow(results, len(todo), stop, tally, quiet, show)
    show(record_of_summary(tally, stopped))
    if not quiet:
        for line in summary_lines(tally):
            say(line)
    if stopped:
        left = tally.counts[Status.NOT_DONE]
        instead = " in place of --overwrite" if overwrite else ""
        say(f"deblur: {stopped}; not done: {left:,}; the same command with --resume{instead} goes on with the rest")
    raise typer.Exit(code or (ExitCode.SOME_FAILED if show.failed else ExitCode.OK))


def follow(
    results: Generator[Result, None, None], total: int, stop: Stop, tally: Tally, quiet: bool, show: Show
) -> tuple[str | None, ExitCode]:
    """Tell about results as they come; gives why the run ended early, if it did, and the exit code."""
    done = 0
    bar = counting("photos")
    bar.disable |= quiet
    task = bar.add_task("", total=total, status="")
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),  # Ray prints on it what it thinks of lost machines
        stopped_by_signals(stop, STOPPING) as interrupted,
        bar,
        contextlib.closing(results),
    ):
        for result in results:
            if result.status is Status.NOT_DONE:
                continue
            count_result(tally, result)
            bar.update(task, advance=1, status=f"{tally.failed} failed" if tally.failed else "")
            if line := line_of_result(result, quiet):
                say(line)
            show(record_of_result(result))
            done += 1
    tally.counts[Status.NOT_DONE] = total - done
    if stop.lost:
        return str(stop.lost), ExitCode.SOME_FAILED
    if interrupted.seen:
        return "interrupted", ExitCode.INTERRUPTED
    return None, ExitCode.SOME_FAILED if tally.failed else ExitCode.OK


class Printer:
    """Prints objects on what is standard output now, if that is wanted; once that is not possible, it tells so."""

    def __init__(self, as_json: bool) -> None:
        self.output = sys.stdout if as_json else None
        self.failed = False

    def __call__(self, record: dict[str, Any]) -> None:
        if self.output is None:
            return
        try:
            print(json.dumps(record), file=self.output, flush=True)
        except OutputError as error:
            self.output, self.failed = None, True
            say(f"deblur: {error}; the photos are restored all the same")


def count_result(tally: Tally, result: Result) -> None:
    tally.add(result.status, result.size, result.error, (str(result.task.source), str(result.task.target)))


def line_of_result(result: Result, quiet: bool) -> str | None:
    """What a person is told about a photo."""
    arrow = f"{display_name(str(result.task.source))} -> {display_name(str(result.task.target))}"
    if result.status is Status.FAILED:
        return f"deblur: {result.error}"
    if result.status is Status.GUARDED:
        return f"deblur: {arrow}: {result.notes[-1]}"
    if quiet:
        return None
    if result.status is Status.SKIPPED:
        return f"skipped: {result.error}"
    assert result.size is not None
    width, height = result.size
    machine = f", {result.by.machine}" if result.by and result.by.machine else ""
    return "\n".join(
        [f"{arrow} ({width}x{height}, {result.seconds:.1f} s{machine})", *(f"  {note}" for note in result.notes)]
    )


def record_of_result(result: Result) -> dict[str, Any]:
    """What a program is told about a photo; the same words as for `deblur FOLDER --json`, and the machine."""
    width, height = result.size or (None, None)
    return {
        "input": str(result.task.source),
        "output": str(result.task.target),
        "status": result.status.value,
        "error": result.error,
        "notes": list(result.notes),
        "width": width,
        "height": height,
        "mean_change_8bit": result.change,
        "seconds": round(result.seconds, 3),
        "model": result.by.model if result.by else None,
        "device": result.by.device if result.by else None,
        "precision": result.by.precision if result.by else None,
        "machine": result.by.machine if result.by else None,
    }
