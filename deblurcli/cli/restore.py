"""`deblur PHOTO... [-o OUT]`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.batch.choice import parse_shard, parse_time
from deblurcli.batch.plan import Job, Plan, is_single, make_plan
from deblurcli.batch.run import (
    Options,
    encoded,
    kept_note,
    read_source,
    refuse_existing,
    refuse_too_large,
    restore_photo,
)
from deblurcli.batch.scan import is_directory
from deblurcli.cli import sink
from deblurcli.cli.edge import command, say
from deblurcli.cli.folders import Request, load_deblurrers, restore_all
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
from deblurcli.cli.streams import refuse_closed_input
from deblurcli.errors import DeblurError, InputError, UsageError
from deblurcli.hub.fetch import go_offline
from deblurcli.images import OutputExists, format_for
from deblurcli.images.size import size_of
from deblurcli.images.source import is_stream

EPILOG = """\
**Other commands** (each has its own --help): `deblur weights` lists, fetches and imports models, `deblur bench`
measures quality and speed, `deblur doctor` tells what this machine computes with, `deblur train` trains, `deblur
synth` makes blurry pictures out of sharp ones.

**Exit codes**: 0 all done; 1 some files failed; 2 wrong usage; 3 nothing to do or unreadable input;
4 weights not available; 5 weights damaged; 130 interrupted."""


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"deblurcli {version('deblurcli')}")
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
        list[Path],
        typer.Argument(
            metavar="INPUT", help="Photos or folders; - reads standard input.", show_default=False, readable=False
        ),
    ],
    output: Output = None,
    recursive: Recursive = False,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
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
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Remove motion blur from photos.

    `deblur photo.jpg -o sharp.jpg` restores one photo; `deblur holiday/ -o sharp/` a folder. Size, format, EXIF, colour
    profile and transparency stay as they are, and the input is never touched.
    """
    written_format = pillow_format(format)
    output = sink.named(output)
    to_sink = sink.is_sink(output)
    if Path("-") in inputs:
        if len(inputs) > 1:
            raise UsageError("-: standard input cannot be mixed with other inputs")
        if as_json and output in (None, Path("-")):
            raise UsageError("--json: standard output carries the picture; give --output FILE")
        if compare and (output is None or to_sink):
            raise UsageError("--compare: needs --output FILE to write beside")
    elif to_sink and (len(inputs) > 1 or is_directory(inputs[0]) or as_json or compare):
        what = "standard output" if output == Path("-") else "a pipe or a device"
        raise UsageError(f"--output {output}: {what} takes one photo, without --json or --compare")
    if dry_run and (to_sink or (output is None and Path("-") in inputs)):
        raise UsageError("--dry-run: tells of files that would be written; give --output FILE")
    refuse_resume_with_overwrite(resume, overwrite)

    if offline:
        go_offline()
    request = Request(
        model=model,
        device=device,
        precision=precision.value,
        tta=tta,
        format=written_format,
        options=Options(strength, quality, overwrite, compare),
        resume=resume,
        dry_run=dry_run,
        fail_fast=fail_fast,
        limit=limit,
        newer_than=parse_time(newer_than) if newer_than else None,
        shard=parse_shard(shard) if shard else None,
        jobs=jobs,
        log=log,
        quiet=quiet,
        as_json=as_json,
    )
    if to_sink or (output is None and inputs == [Path("-")]):
        pipe(inputs[0], output or sink.STANDARD, request)
        return
    if Path("-") in inputs and output is not None:
        plan = Plan([Job(inputs[0], output, written_format or format_for(output), name="-")], [])
    else:
        plan = make_plan(inputs, output, recursive=recursive, format=written_format)
    single = is_single(inputs)
    if single and not (resume or dry_run):
        refuse_hopeless(plan.jobs[0], request.options)
    raise typer.Exit(restore_all(plan, request, single=single))


def refuse_hopeless(job: Job, options: Options) -> None:
    """For a single file, what can be said before the seconds that torch takes to load."""
    try:
        refuse_existing(job, options)
    except OutputExists as error:
        raise InputError(str(error)) from None  # for a single photo that is an error: there is nothing else to do
    if job.source == sink.STANDARD:
        refuse_closed_input()
    if is_stream(job.source):
        return
    if not os.access(job.source, os.R_OK):
        read_source(job.source)  # its error is the right one
    elif size := size_of(job.source):
        refuse_too_large(job.target, job.format, size)


def pipe(source: Path, output: Path, request: Request) -> None:
    """One photo to standard output, a pipe or a device; nothing else is printed there. What makes that impossible is
    told before torch is loaded."""
    sink.refuse_closed(output)
    photo = read_source(source)
    format = request.format or photo.format
    height, width = photo.pixels.shape[:2]
    name = "standard output" if output == sink.STANDARD else output
    refuse_too_large(name, format, (width, height))
    (deblurrer, *_) = load_deblurrers(request)
    restored, kept = restore_photo(photo, deblurrer, request.options.strength)
    data, notes = encoded(restored, name, format, request.options.quality)
    sink.write_to(data, output)
    for note in photo.notes + notes:
        say(f"deblur: {note}")
    if kept:
        raise DeblurError(kept_note(kept))
