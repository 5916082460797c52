"""`deblur weights`: which models there are, and where more come from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli.edge import command, say
from deblurcli.errors import UsageError

app = typer.Typer(help="List models, and import released ones.", no_args_is_help=True)


@app.command("list")
@command
def list_models(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """The models that ship with deblur."""
    from deblurcli.models import DEFAULT, shipped_models

    models = shipped_models()
    if as_json:
        print(json.dumps([{"name": one.name, "path": str(one.path), **asdict(one.info)} for one in models]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "version", "architecture", "size", "licence", "trained for", box=None)
    for one in models:
        size = f"{one.path.stat().st_size / 1e6:.1f} MB"
        steps = f"{one.info.training.get('steps', '?')} steps"
        name = f"{one.name} (default)" if one.name == DEFAULT else one.name
        table.add_row(name, one.info.version, one.info.architecture, size, one.info.licence, steps)
    Console(width=None if models else 80).print(table)


@app.command("import")
@command
def import_release(
    prefix: Annotated[
        Path, typer.Argument(help="deblur.model-523000, or the .index or .data file of it.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Turn the SRN authors' released TensorFlow weights into a file for --model.

    Every name, shape and checksum is verified. The link to the released archive is dead; this is for those who still
    have the files.
    """
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: the name must end in .safetensors")
    if output.exists() and not overwrite:
        raise UsageError(f"{output}: exists already; choose another name or add --overwrite")
    from deblurcli.convert.srn_release import import_release

    info = import_release(prefix, output)
    say(f"{output}: {info.name}, checked; use it with --model {output}")
