"""`deblur PHOTO... [-o OUT]`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli import completion
from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.from_marks import follow_marks
from deblurcli.cli.many import Request, Way, restore_many
from deblurcli.cli.one import pipe, restore_one
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
from deblurcli.cli.try_models import try_models
from deblurcli.cli.video import is_about_video, restore_video_file
from deblurcli.cli.video_folders import restore_videos
from deblurcli.cli.video_options import (
    Codec,
    Every,
    Fps,
    Frames,
    From,
    OnlyBlurred,
    To,
    VideoRequest,
    Videos,
)
from deblurcli.errors import UsageError
from deblurcli.hub.fetch import go_offline
from deblurcli.images import format_for
from deblurcli.jobs.choice import Wanted, parse_shard, parse_time
from deblurcli.jobs.model import Model
from deblurcli.jobs.plan import Plan, is_single, make_plan
from deblurcli.jobs.stores.place import STANDARD_INPUT, is_directory
from deblurcli.jobs.stores.sink import STANDARD_OUTPUT, Sink, named, sink_at
from deblurcli.jobs.task import Options, Task
from deblurcli.models.load import DEFAULT
from deblurcli.version import __version__

EPILOG = """\
**Other commands** (each has its own --help): `deblur review` shows befores and afters, `deblur weights` lists, fetches
and imports models, `deblur bench` measures quality and speed, `deblur doctor` makes the page for a bug report, `deblur
train` trains, `deblur synth` makes blurry pictures out of sharp ones.

**Exit codes**: 0 all done; 1 some files failed; 2 wrong usage; 3 nothing to do or unreadable input;
4 weights not available; 5 weights damaged; 130 interrupted."""


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"deblurcli {__version__}")
        raise typer.Exit


Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File or folder for the result; - writes to standard output. Default: photo-deblurred.jpg beside the "
        "input.",
        readable=False,
    ),
]


FOLDERS = "Folders"


@command
def restore(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT",
            help="Photos or folders; - reads standard input.",
            show_default=False,
            readable=False,
            autocompletion=completion.commands,
        ),
    ] = None,
    output: Output = None,
    recursive: Recursive = False,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP, autocompletion=completion.models)] = None,
    offline: Offline = False,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:1, mps; for folders also cuda:0,cuda:1, or all GPUs.")
    ] = "auto",
    precision: Annotated[
        Precision, typer.Option(help="auto takes the fastest that is checked to be safe.")
    ] = Precision.auto,
    strength: Strength = 1.0,
    tta: Tta = False,
    compare: Annotated[bool, typer.Option("--compare", help="Also write a before/after picture.")] = False,
    try_it: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Write photo-try.jpg instead: what the models that are here make of a part, at several strengths.",
        ),
    ] = False,
    format: Format = None,
    quality: QualityOption = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per file on standard output; of folders, a summary last.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Do again what the records in the output folder do not call done from these very photos with these "
            "settings and this model. Without it, whatever exists is skipped.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Write nothing; say what would be done and, from a sample, in what time.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first failure.", rich_help_panel=FOLDERS)
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Restore so many photos at most.", rich_help_panel=FOLDERS)
    ] = None,
    newer_than: Annotated[
        str | None,
        typer.Option(
            metavar="DATE|FILE",
            help="Only photos changed since 2024-05-31, or since FILE was.",
            rich_help_panel=FOLDERS,
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Only share I (1 to N) of N, the same on every machine.", rich_help_panel=FOLDERS
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Files to read, and to write, at once. Default: by the cores.", rich_help_panel=FOLDERS
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="Add a line for every file to this one.", rich_help_panel=FOLDERS, readable=False),
    ] = None,
    from_marks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Do again what is marked redo in this file of deblur review, and remove what is marked remove.",
            rich_help_panel=FOLDERS,
            readable=False,
        ),
    ] = None,
    codec: Codec = None,
    start: From = None,
    end: To = None,
    only_blurred: OnlyBlurred = False,
    frames: Frames = None,
    every: Every = None,
    fps: Fps = None,
    videos: Videos = False,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Remove motion blur from photos.

    `deblur photo.jpg -o sharp.jpg` restores one photo; `deblur holiday/ -o sharp/` a folder. Size, format, EXIF, colour
    profile and transparency stay as they are, and the input is never touched.
    """
    if offline:
        go_offline()
    if bool(inputs) == bool(from_marks):
        raise UsageError("give photos or folders, or --from-marks FILE" + (", not both" if inputs else ""))
    inputs = inputs or []
    if from_marks and (output or try_it or resume or format):
        raise UsageError(
            "--from-marks: goes to the results that are marked; leave out --output, --format, --resume, --try"
        )
    if try_it:
        console.set_mode(quiet=quiet, as_json=as_json)
        try_models(
            inputs,
            output,
            model,
            device=device,
            precision=precision.value,
            overwrite=overwrite,
        )
        return
    written_format = pillow_format(format)
    output = named(output)
    sink = sink_at(output)
    if STANDARD_INPUT in inputs:
        if len(inputs) > 1:
            raise UsageError("-: standard input cannot be mixed with other inputs")
        if output is None:
            sink = Sink(STANDARD_OUTPUT)
        if as_json and output in (None, STANDARD_OUTPUT):
            raise UsageError("--json: standard output carries the picture; give --output FILE")
        if compare and sink:
            raise UsageError("--compare: needs --output FILE to write beside")
    elif sink and (len(inputs) > 1 or is_directory(inputs[0]) or as_json or compare):
        what = "standard output" if output == STANDARD_OUTPUT else "a pipe or a device"
        raise UsageError(f"--output {output}: {what} takes one photo, without --json or --compare")
    if dry_run and sink:
        raise UsageError("--dry-run: tells of files that would be written; give --output FILE")
    refuse_resume_with_overwrite(resume, overwrite)

    console.set_mode(quiet=quiet, as_json=as_json, log=None if sink else log)
    used = Model(model or DEFAULT, device, precision.value, tta)
    options = Options(strength, quality, written_format, compare)
    since, share = parse_time(newer_than) if newer_than else None, parse_shard(shard) if shard else None
    wanted = Wanted(overwrite, resume, since, limit, share)
    request = Request(used, options, wanted, Way(lanes=jobs, fail_fast=fail_fast))
    if from_marks:
        raise typer.Exit(follow_marks(from_marks, request, dry_run=dry_run))
    video = VideoRequest(codec, start, end, every, frames, fps, only_blurred)
    if is_about_video(inputs, output, video, videos):
        if sink:
            raise UsageError(f"--output {output}: a video is put together from parts, so it needs a file")
        raise typer.Exit(restore_video_file(inputs[0], output, video, request, dry_run=dry_run))
    if sink:
        raise typer.Exit(pipe(Task(inputs[0], sink, written_format), used, options))
    if output is not None and STANDARD_INPUT in inputs:
        plan = Plan([Task(inputs[0], output, written_format or format_for(output), name="-")], [])
    else:
        plan = make_plan(inputs, output, options, recursive=recursive, may_be_empty=videos)
    if is_single(inputs) and not dry_run and wanted == Wanted(overwrite):
        raise typer.Exit(restore_one(replace(plan.tasks[0], overwrite=overwrite), used, options))
    if videos:
        raise typer.Exit(restore_videos(plan, inputs, output, video, request, dry_run=dry_run))
    raise typer.Exit(restore_many(plan, request, dry_run=dry_run))
