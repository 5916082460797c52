"""`deblur bench`."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deblurcli.cli import completion
from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.progress import counting
from deblurcli.errors import OutputError, UsageError
from deblurcli.models.load import DEFAULT
from deblurcli.version import __version__

if TYPE_CHECKING:
    from deblurcli.bench.data.datasets import Dataset
    from deblurcli.bench.data.download import Downloaded
    from deblurcli.bench.published import Preset
    from deblurcli.bench.quality.measure import Row
    from deblurcli.bench.results import Quality, Report, Speed
    from deblurcli.bench.speed.timing import Case

EPILOG = """\
**Data sets**: gopro, reds, hide, realblur-j, realblur-r, kohler; or any folders with --blur and --sharp, or --pairs.

**SSIM** has two definitions in this field, so both are printed: MATLAB's of an RGB array, as in GoPro's tables, and
that of Wang et al. 2004 per channel. PSNR is of 8-bit RGB, per image, then averaged."""


@command
def bench(
    dataset: Annotated[str | None, typer.Option(help="A published data set by its name.")] = None,
    data: Annotated[Path | None, typer.Option(help="Where that data set is; otherwise the Hub is asked.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking.")] = False,
    blur: Annotated[Path | None, typer.Option(help="Folder of blurry images.")] = None,
    sharp: Annotated[Path | None, typer.Option(help="Folder of sharp ones, of the same names.")] = None,
    pairs: Annotated[list[Path] | None, typer.Option(help="Folder with blur/ and sharp/. Repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pairs, evenly spread.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name or file. Repeatable. Default: as of deblur.", autocompletion=completion.models),
    ] = None,
    tta: Annotated[bool, typer.Option("--tta", help="Also every model with its self-ensemble.")] = False,
    device: Annotated[list[str] | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. Repeatable.")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="auto, fp32, bf16, fp16. Repeatable.")] = None,
    literature: Annotated[bool, typer.Option("--literature", help="Also what papers print.")] = False,
    speed: Annotated[
        bool | None, typer.Option("--speed/--no-speed", help="Timing: on by default; --speed alone needs no data.")
    ] = None,
    size: Annotated[list[str] | None, typer.Option(help="Of the timed image. Repeatable. Default: 1280x720.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each row.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads for the timing.")] = None,
    preset: Annotated[str | None, typer.Option(help="A published timing protocol: anisimovskiy-2023.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that compute the measures.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network for data or a model.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish an interrupted measurement.")] = False,
    video: Annotated[
        int | None, typer.Option(metavar="FRAMES", min=1, help="With --speed: a clip of so many frames instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON on standard output.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every image's scores as CSV instead.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="The tables as Markdown instead.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also a page with plots and before/after viewers.")] = None,
) -> None:
    """Measure models: PSNR and SSIM on pairs of blurry and sharp images beside doing nothing, and speed.

    `deblur bench --dataset gopro`, `deblur bench --pairs my-pairs`, `deblur bench --speed`.
    """
    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown: standard output takes one of them; --html goes beside it")
    if html and not html.parent.is_dir():
        raise OutputError(f"{html}: there is no folder {html.parent}; make it first")
    if offline:
        from deblurcli.hub.fetch import go_offline

        go_offline()
    if preset and (device or size):
        raise UsageError("--preset: decides the device and the size itself; leave out --device and --size")
    has_data = bool(dataset or blur or sharp or pairs or data)
    if not has_data and not speed:
        raise UsageError("nothing to measure on; give --dataset NAME, --pairs FOLDER, --blur with --sharp, or --speed")
    if not has_data and (as_csv or literature):
        raise UsageError("--csv and --literature are about quality; give --dataset NAME or folders")
    models, precisions = model or [DEFAULT], precision or ["auto"]
    plan = plan_timing(models, device, precisions, size, preset) if speed is not False else None
    if video is not None:
        if has_data or plan is None or preset:
            raise UsageError("--video: is about speed alone; give --speed --video FRAMES, without data or --preset")
        time_videos(plan[0], video)
        return
    chosen, notes = choose_data(dataset, data, yes, blur, sharp, pairs) if has_data else (None, ())

    quality, rows = None, []
    if chosen is not None:
        from deblurcli.bench.quality.measure import rows_of

        rows = rows_of(models, (device or ["auto"])[0], precisions[0], tta)
        quality = measure(chosen, rows, limit, resume, workers or os.cpu_count() or 1)
    timing = time_models(plan, runs, threads) if plan else None
    report = make_report(quality, timing, literature, notes)
    if html:
        write_page(html, report, chosen, rows)
    if as_json or as_csv or as_markdown:
        from deblurcli.bench import writers

        write = writers.to_json if as_json else writers.to_csv if as_csv else writers.to_markdown
        sys.stdout.write(write(report))
    else:
        from deblurcli.cli.bench_tables import print_report

        print_report(report)


def choose_data(
    name: str | None, data: Path | None, yes: bool, blur: Path | None, sharp: Path | None, pairs: list[Path] | None
) -> tuple[Dataset, tuple[str, ...]]:
    """The data set that the options name, and what a report must say about it."""
    from deblurcli.bench.data.datasets import find_dataset, folder_pairs, joined

    folders = [(folder / "blur", folder / "sharp") for folder in pairs or []]
    if (blur is None) != (sharp is None):
        raise UsageError("--blur and --sharp: give both folders")
    if blur and sharp:
        folders.append((blur, sharp))
    if name and folders:
        raise UsageError("--dataset: give either a data set's name or folders, not both")
    if data and not name:
        raise UsageError("--data: says where a data set is; also give its name with --dataset")
    if not name:
        return joined([folder_pairs(blurry, truth) for blurry, truth in folders]), ()
    notes = []
    if data is None:
        fetched = fetch_dataset(name, yes)
        data = fetched.folder
        notes.append(f"data from {fetched.repo} on the Hub, commit {fetched.commit}")
    found = find_dataset(name, data)
    return found, (*notes, *([found.caveat] if found.caveat else []))


def fetch_dataset(name: str, yes: bool) -> Downloaded:
    """A data set from the Hub, after asking; or what an earlier run has fetched."""
    from deblurcli.bench.data.download import download, downloaded, plan_download

    if here := downloaded(name):
        return here
    plan = plan_download(name)
    licence = plan.licence or "no licence stated"
    console.say(
        f"{name}: {plan.size / 1e9:.1f} GB from {plan.repo} on the Hub ({licence}), {plan.to_download / 1e9:.1f} to go"
    )
    if not yes and not (sys.stdin.isatty() and typer.confirm("Download it?", err=True)):
        raise UsageError(f"{name}: not downloaded; add --yes, or give its folder with --data")
    with counting("images extracted") as bar:
        task = bar.add_task("", total=None, status="")
        return download(plan, lambda done, total: bar.update(task, completed=done, total=total))


def measure(dataset: Dataset, rows: list[Row], limit: int | None, resume: bool, workers: int) -> Quality:
    from deblurcli.bench.data.datasets import limited
    from deblurcli.bench.quality.journal import default_folder
    from deblurcli.bench.quality.measure import measure_quality

    found = len(dataset.pairs)
    if limit is not None:
        dataset = limited(dataset, limit)
    total, done = len(dataset.pairs) * len(rows), 0
    with counting("scores") as bar:
        task = bar.add_task("", total=total, status="")

        def advance(scores: int) -> None:
            nonlocal done
            done = scores
            bar.update(task, completed=scores)

        try:
            return measure_quality(
                dataset, found, rows, default_folder(), resume=resume, workers=workers, advance=advance
            )
        except KeyboardInterrupt:
            console.problem(f"{done} of {total} scores are kept; the same command with --resume goes on")
            raise


def every_device() -> list[str]:
    """The one that is used by default, and the CPU beside it."""
    from deblurcli.restore.device import pick_device

    return list(dict.fromkeys([str(pick_device("auto")), "cpu"]))


def plan_timing(
    models: list[str], devices: list[str] | None, precisions: list[str], sizes: list[str] | None, preset: str | None
) -> tuple[list[Case], Preset | None]:
    """What will be timed; made first, so that a wrong option does not wait for hours of quality."""
    from deblurcli.bench.speed.timing import cases_of, preset_named

    protocol = preset_named(preset) if preset else None
    return cases_of(models, devices or every_device(), precisions, sizes or ["1280x720"], protocol), protocol


def time_models(plan: tuple[list[Case], Preset | None], runs: int, threads: int | None) -> Speed:
    from deblurcli.bench.speed.timing import measure_speed

    cases, protocol = plan
    with counting("timed runs") as bar:
        task = bar.add_task("", total=None, status="")

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return measure_speed(cases, runs, threads=threads, preset=protocol, advance=advance)


def time_videos(cases: list[Case], frames: int) -> None:
    from deblurcli.bench.speed.video import measure_video

    print("model       device  precision       size  network, frames/s  file to file, frames/s")
    for row in measure_video(cases, frames):
        size = f"{row.case.width}×{row.case.height}"
        print(
            f"{row.case.model:10}  {row.device:6}  {row.precision:9}  {size:>9}  {row.network:17.2f}  {row.file:22.2f}",
            flush=True,
        )


def make_report(quality: Quality | None, timing: Speed | None, literature: bool, notes: tuple[str, ...]) -> Report:
    import numpy
    import torch

    from deblurcli.bench.published import PRESETS, literature_of, literature_on
    from deblurcli.bench.results import Report

    published = [literature_on(quality.dataset, quality)] if literature and quality else []
    if timing and timing.preset:
        published.append(literature_of(PRESETS[timing.preset]))
    return Report(
        command=shlex.join(["deblur", *sys.argv[1:]]),
        made=datetime.now().astimezone().isoformat(timespec="seconds"),
        versions={
            "deblurcli": __version__,
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        quality=quality,
        speed=timing,
        literature=tuple(published),
        notes=notes,
    )


def write_page(path: Path, report: Report, dataset: Dataset | None, rows: list[Row]) -> None:
    from deblurcli.atomic import write_atomically
    from deblurcli.bench.quality.measure import views_of
    from deblurcli.bench.writers import to_html

    views = views_of(report.quality, dataset, rows) if report.quality and dataset else []
    try:
        write_atomically(to_html(report, views).encode(), path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot write ({error.strerror}); check the folder and the free space") from error
    console.say(f"{path}: written")
