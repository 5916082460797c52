"""`deblur PHOTO... [-o OUT]`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deblurcli.batch.plan import Job, plan_jobs
from deblurcli.batch.run import Options, Outcome, Status, read_source, refuse_existing, restore_photo, run_jobs
from deblurcli.cli.edge import command, say
from deblurcli.cli.progress import FileProgress
from deblurcli.errors import DeblurError, ExitCode, InputError, UsageError
from deblurcli.hub.fetch import go_offline
from deblurcli.images import OutputExists, display_name, encode_photo, format_for
from deblurcli.models import find_weights

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

EPILOG = """\
**Other commands** (each has its own --help): `deblur weights` lists, fetches and imports models, `deblur bench`
measures quality and speed, `deblur doctor` tells what this machine computes with, `deblur train` trains, `deblur
synth` makes blurry pictures out of sharp ones.

**Exit codes**: 0 all done; 1 some files failed; 2 wrong usage; 3 nothing to do or unreadable input;
4 weights not available; 5 weights damaged; 130 interrupted."""

FORMATS = {
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WEBP",
    "bmp": "BMP",
    "avif": "AVIF",
    "heif": "HEIF",
}


class Precision(str, Enum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"deblurcli {version('deblurcli')}")
        raise typer.Exit


Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File or folder for the result. Default: photo-deblurred.jpg beside the input."
    ),
]


@command
def restore(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Photos or folders; - reads standard input.", show_default=False),
    ],
    output: Output = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Also the subfolders of a folder.")] = False,
    model: Annotated[
        str, typer.Option(help="A name (deblur weights list), a weights file, or hf:ORG/REPO/FILE[@COMMIT].")
    ] = "srn-fast",
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network for a model.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    precision: Annotated[
        Precision, typer.Option(help="auto takes the fastest that is checked to be safe.")
    ] = Precision.auto,
    strength: Annotated[float, typer.Option(min=0.0, max=1.0, help="0 changes nothing, 1 is the full result.")] = 1.0,
    tta: Annotated[
        bool, typer.Option("--tta", help="Mean over flips and quarter turns: a little better, eight times as long.")
    ] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Also write a before/after picture.")] = False,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(key for key in FORMATS if key != 'jpg')}. Default: by the name.")
    ] = None,
    quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="Of JPEG, WebP, AVIF. Default: like the source, or 95.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist. Inputs never are.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file on standard output.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Remove motion blur from photos.

    `deblur photo.jpg -o sharp.jpg` restores one photo; `deblur holiday/ -o sharp/` a folder. Size, format, EXIF, colour
    profile and transparency stay as they are, and the input is never touched.
    """
    written_format = pillow_format(format)
    if Path("-") in inputs:
        if len(inputs) > 1:
            raise UsageError("-: standard input cannot be mixed with other inputs")
        if as_json and output in (None, Path("-")):
            raise UsageError("--json: standard output carries the picture; give --output FILE")
        if compare and output in (None, Path("-")):
            raise UsageError("--compare: needs --output FILE to write beside")
    elif output == Path("-") and (len(inputs) > 1 or inputs[0].is_dir() or as_json or compare):
        raise UsageError("--output -: standard output takes one photo, without --json or --compare")

    options = Options(strength, quality, overwrite, compare)
    if offline:
        go_offline()
    if output == Path("-") or (output is None and inputs == [Path("-")]):
        pipe(inputs[0], written_format, options, lambda: load(model, device, precision, tta, quiet))
        return
    standard_input = Path("-") in inputs
    jobs = (
        [Job(inputs[0], output, written_format or format_for(output))]
        if standard_input and output is not None
        else plan_jobs(inputs, output, recursive=recursive, format=written_format)
    )
    if len(inputs) == 1 and not inputs[0].is_dir():
        refuse_hopeless(jobs[0], options)
    deblurrer = load(model, device, precision, tta, quiet)
    if not quiet:
        say(f"{deblurrer.info.name} on {deblurrer.device}, {precision_name(deblurrer)}")
    with FileProgress(len(jobs), quiet) as progress:
        outcomes = []
        for outcome in run_jobs(
            jobs, deblurrer, options, lambda job: progress.begin(job.source.name), progress.advance
        ):
            progress.end()
            outcomes.append(outcome)
            if line := line_of(outcome, quiet):
                progress.say(line)
            if as_json:
                print(json.dumps(record_of(outcome, deblurrer)), flush=True)
    if len(jobs) > 1 and not quiet:
        counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
        say(", ".join(f"{count} {status.value}" for status, count in counts.items() if count))
    raise typer.Exit(exit_code(outcomes))


def pillow_format(name: str | None) -> str | None:
    if name is None:
        return None
    if name.lower() not in FORMATS:
        raise UsageError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    return FORMATS[name.lower()]


def refuse_hopeless(job: Job, options: Options) -> None:
    """For a single file, what can be said before the seconds that torch takes to load."""
    try:
        refuse_existing(job, options)
    except OutputExists as error:
        raise InputError(str(error)) from None  # for a single photo that is an error: there is nothing else to do
    if job.source != Path("-") and not job.source.exists():
        read_source(job.source)  # its error is the right one


def load(model: str, device: str, precision: Precision, tta: bool, quiet: bool) -> Deblurrer:
    if quiet:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    find_weights(model, (lambda line: None) if quiet else say)  # before the seconds that torch takes to load
    from deblurcli.restore.deblurrer import Deblurrer

    return Deblurrer(model, device, precision.value, tta=tta)


def pipe(source: Path, format: str | None, options: Options, load_model: Callable[[], Deblurrer]) -> None:
    """One photo to standard output; nothing else is printed there. An unreadable one is told before torch is loaded."""
    photo = read_source(source)
    restored, _, kept = restore_photo(photo, load_model(), options.strength)
    data, notes = encode_photo(restored, format or photo.format, options.quality)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    for note in photo.notes + notes:
        say(f"deblur: {note}")
    if kept:
        raise DeblurError(f"the model failed on {kept:.1%} of this picture; the input was kept there")


def precision_name(deblurrer: Deblurrer) -> str:
    return str(deblurrer.dtype).removeprefix("torch.")


def line_of(outcome: Outcome, quiet: bool) -> str | None:
    """What a person is told about a file."""
    name, target = display_name(outcome.job.source), display_name(outcome.job.target)
    if outcome.status is Status.FAILED:
        return f"deblur: {outcome.error}"
    if outcome.status is Status.GUARDED:
        return f"deblur: {name} -> {target}: {outcome.notes[-1]}"
    if quiet:
        return None
    if outcome.status is Status.SKIPPED:
        return f"skipped: {outcome.error}"
    assert outcome.size is not None
    width, height = outcome.size
    lines = [f"{name} -> {target} ({width}x{height}, {outcome.seconds:.1f} s)"]
    lines += [f"  {note}" for note in outcome.notes]
    if outcome.compare:
        lines.append(f"  before/after: {display_name(outcome.compare)}")
    return "\n".join(lines)


def record_of(outcome: Outcome, deblurrer: Deblurrer) -> dict[str, Any]:
    """What a program is told about a file."""
    width, height = outcome.size or (None, None)
    return {
        "input": os.fsdecode(outcome.job.source),
        "output": os.fsdecode(outcome.job.target),
        "compare": os.fsdecode(outcome.compare) if outcome.compare else None,
        "status": outcome.status.value,
        "error": str(outcome.error) if outcome.error else None,
        "notes": list(outcome.notes),
        "width": width,
        "height": height,
        "mean_change_8bit": outcome.change,
        "seconds": round(outcome.seconds, 3),
        "model": deblurrer.info.name,
        "device": str(deblurrer.device),
        "precision": precision_name(deblurrer),
    }


def exit_code(outcomes: list[Outcome]) -> ExitCode:
    """One file alone fails with its own code; among several, any failure is 1. A batch that is already done is fine."""
    failed = [outcome for outcome in outcomes if outcome.status in (Status.FAILED, Status.GUARDED)]
    if not failed:
        return ExitCode.OK
    if len(outcomes) == 1 and outcomes[0].error:
        return outcomes[0].error.exit_code
    return ExitCode.SOME_FAILED
