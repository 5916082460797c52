"""`deblur weights publish`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.errors import UsageError


@command
def publish(
    model: Annotated[str, typer.Argument(help="A model's name, or a .safetensors file.", show_default=False)],
    repo: Annotated[str | None, typer.Option(help="Where to, as ORGANISATION/NAME.")] = None,
    card: Annotated[
        Path | None, typer.Option(help="Model card in Markdown. Default: the one beside the model.")
    ] = None,
    metrics: Annotated[Path | None, typer.Option(help="Measured figures: output of deblur bench --json.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[
        Path | None, typer.Option(help="Write what would be uploaded into this new folder, and upload nothing.")
    ] = None,
) -> None:
    """Publish a model on the Hugging Face Hub: weights, model card and configuration, in one commit.

    Log in first with `hf auth login`, or set HF_TOKEN. The commit's address is printed.
    """
    if repo is None and dry_run is None:
        raise UsageError("--repo: say where to, as ORGANISATION/NAME; or look first with --dry-run FOLDER")
    from deblurcli.models.catalog import catalog
    from deblurcli.models.files import find_weights
    from deblurcli.publish.upload import prepare
    from deblurcli.publish.upload import publish as upload

    if model.startswith("hf:") or (model in catalog() and catalog()[model].repo):
        raise UsageError(f"{model}: is on the Hub already; give a shipped model's name or a .safetensors file")
    checkpoint = find_weights(model)
    with TemporaryDirectory(prefix="deblur-") as temporary:
        folder = dry_run or Path(temporary) / "model"
        prepared = prepare(checkpoint, card, folder, metrics)
        for warning in prepared.warnings:
            console.problem(f"{warning}")
        for name, size in prepared.files.items():
            console.say(f"{name}: {size:,} bytes")
        if dry_run is None and repo is not None:
            if not sys.stderr.isatty():
                quiet()
            print(upload(folder, repo, private=private))
    if dry_run is not None:
        print(dry_run)


def quiet() -> None:
    """No bars of the Hub's client, which would draw them into a log file too."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
