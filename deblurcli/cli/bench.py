"""`deblur bench`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli.edge import command, say
from deblurcli.cli.progress import counting
from deblurcli.errors import UsageError

BASELINE = "blurry input"


@command
def bench(
    blur: Annotated[Path | None, typer.Option(help="Folder of blurry images.")] = None,
    sharp: Annotated[Path | None, typer.Option(help="Folder of sharp ones, of the same names.")] = None,
    pairs: Annotated[list[Path] | None, typer.Option(help="Folder with blur/ and sharp/. Repeatable.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Name or file. Repeatable. Default: srn-fast.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16, fp16.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Every image's scores as JSON.")] = False,
) -> None:
    """Measure models on pairs of blurry and sharp images: PSNR and SSIM, beside doing nothing.

    PSNR is of 8-bit RGB, per image, then averaged. SSIM has two definitions in this field, so both are printed.
    """
    from deblurcli.bench.quality import find_pairs, score_pairs, summarise

    folders = [(folder / "blur", folder / "sharp") for folder in pairs or []]
    if blur and sharp:
        folders.append((blur, sharp))
    if not folders or (blur is None) != (sharp is None):
        raise UsageError("nothing to measure on; give --blur FOLDER and --sharp FOLDER, or --pairs FOLDER")
    found = [pair for blurry, truth in folders for pair in find_pairs(blurry, truth)]
    from deblurcli.models import DEFAULT
    from deblurcli.restore.deblurrer import Deblurrer

    deblurrers = {name: Deblurrer(name, device, precision) for name in model or [DEFAULT]}
    methods = {BASELINE: lambda pixels: pixels, **{name: one.__call__ for name, one in deblurrers.items()}}
    with counting("images") as bar:
        task = bar.add_task("", total=len(found), status="")
        scores = []
        for score in score_pairs(found, methods):
            scores.append(score)
            bar.update(task, completed=len(scores) / len(methods))
    summaries = summarise(scores, BASELINE)
    if as_json:
        print(json.dumps({"scores": [asdict(one) for one in scores], "means": [asdict(one) for one in summaries]}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", "PSNR", "SSIM (MATLAB)", "SSIM (Wang)", "gain, dB", "worst", "best", box=None)
    for one in summaries:
        figures = (one.psnr, one.ssim_matlab, one.ssim_wang, one.gain, one.worst, one.best)
        formats = ("{:.2f}", "{:.4f}", "{:.4f}", "{:+.2f}", "{:+.2f}", "{:+.2f}")
        table.add_row(one.method, *(text.format(value) for text, value in zip(formats, figures, strict=True)))
    Console().print(table)
    run = next(iter(deblurrers.values()))
    where = ", ".join(str(blurry) for blurry, _ in folders)
    say(f"{len(found)} pairs of {where} on {run.device}, {str(run.dtype).removeprefix('torch.')}")
