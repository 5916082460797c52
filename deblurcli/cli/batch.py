"""`deblur batch INPUT... -o OUTPUT`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli import completion
from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.many import Request, Way, restore_many
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
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.hub.fetch import go_offline
from deblurcli.jobs.choice import Wanted
from deblurcli.jobs.model import Model
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.stores.place import Place, place
from deblurcli.jobs.task import Options
from deblurcli.models.load import DEFAULT

EPILOG = """\
**Stores**: paths, s3:// (pip install s3fs), gs:// (gcsfs), az:// (adlfs), hf://, and whatever else fsspec knows. They
find their credentials as their own tools do, on every machine of the cluster.

**Exit codes**: 0 all done; 1 some files failed, or the run could not go on; 2 wrong usage; 3 nothing to do or
unreadable input; 4 weights not available; 5 weights damaged; 130 interrupted."""


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
    model: Annotated[
        str | None,
        typer.Option(help=MODEL_HELP + " On a cluster: srn with --device cuda.", autocompletion=completion.models),
    ] = None,
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
    console.set_mode(quiet=quiet, as_json=as_json)
    if offline:
        go_offline()
    cluster = None
    if engine is Engine.ray:
        from deblurcli.jobs.on_ray.engine import Cluster

        cluster = Cluster(address, workers)
    request = Request(
        Model(model or DEFAULT, device, precision.value, tta),
        Options(strength, quality, written_format),
        Wanted(overwrite, resume),
        Way(cluster, manifest=manifest),
    )
    places = [there(text) for text in inputs]
    plan = make_plan(places, place(output), request.options, recursive=recursive, into_folder=True)
    raise typer.Exit(restore_many(plan, request))


def there(text: str) -> Place:
    """An input; a local one that is not there is refused at once, as a store does."""
    found = place(text)
    if isinstance(found, Path) and not found.exists():
        raise InputError(f"{display_name(found)}: no such file or folder; check the name")
    return found
