"""The tables of a report, as cells of text: Markdown and HTML print the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deblurcli.bench.results import Published, Quality, Speed, Timing
from deblurcli.bench.worth import Worth
from deblurcli.bench.writers.wording import MISSING, figure, gain, one_line
from deblurcli.display import counted

MIB = 1 << 20


@dataclass(frozen=True)
class Cell:
    """What is read first, and what explains it: "182.4" and "179.0 to 190.3, 20 runs"."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """Titles of the columns, "<" or ">" for each as its text is aligned left or right, and the rows."""

    titles: tuple[str, ...]
    sides: str
    rows: tuple[tuple[Cell, ...], ...]


def quality_table(quality: Quality) -> Table:
    """One row per method. Which SSIM there is depends on the protocol."""
    columns = ("SSIM (MATLAB)", "SSIM (Wang)") if quality.protocol == "pairs" else ("MS-SSIM (luma)",)
    titles = ("method", "PSNR, dB", *columns, "gain, dB", "worst, dB", "best, dB")
    rows = []
    for one in quality.summaries:
        ssims = (one.ssim_matlab, one.ssim_wang) if quality.protocol == "pairs" else (one.ms_ssim,)
        figures = [figure(one.psnr, ".2f"), *(figure(value, ".4f") for value in ssims)]
        figures += [figure(value, "+.2f") for value in (one.gain, one.worst, one.best)]
        rows.append(_row(one.method, *figures))
    return Table(titles, "<" + ">" * (len(titles) - 1), tuple(rows))


def published_table(rows: Sequence[Published]) -> Table:
    """What papers print, no digit added. Every column says so, for that must hold when a row is quoted alone."""
    titles = ("method", "PSNR as published, dB", "SSIM as published", "time as published", "source")
    cells = [
        _row(one.method, one.psnr or MISSING, one.ssim or MISSING, one.time or MISSING, one.source) for one in rows
    ]
    return Table(titles, "<<<<<", tuple(cells))


def speed_table(speed: Speed) -> Table:
    """One row per model, device, precision and size. The column of the GPU's memory is there if a GPU is."""
    titles = ["model", "device", "precision", "size", "network, ms", "images/s", "file to file, ms"]
    titles += ["GFLOP/s", "% of matrix peak", "peak memory, MiB"]
    on_gpu = any(row.gpu_memory is not None for row in speed.rows)
    titles += ["GPU memory, MiB"] if on_gpu else []
    fast = min(row.network.fastest for row in speed.rows) < 0.01
    rows = []
    for row in speed.rows:
        cells = [
            *_row(row.model, row.device, row.precision, f"{row.width}×{row.height}"),
            _time(row.network, fast),
            *_row(f"{row.images_per_second:,.2f}"),
            _time(row.file, fast),
            *_row(f"{row.flop_per_second / 1e9:,.0f}", f"{100 * row.share_of_peak:.0f}", _mebibytes(row.memory)),
            *(_row(_mebibytes(row.gpu_memory)) if on_gpu else ()),
        ]
        rows.append(tuple(cells))
    return Table(tuple(titles), "<<<" + ">" * (len(titles) - 3), tuple(rows))


def worth_table(rows: Sequence[Worth]) -> Table:
    """Quality against time, one row per model as it was timed, and then what papers print, marked as such."""
    titles = ("method", "precision", "size", "gain, dB", "PSNR, dB", "seconds", "G multiply-adds", "dB a second")
    cells = []
    for one in rows:
        rate = None if one.gain is None else one.gain / one.seconds
        figures = [figure(value, form) for value, form in ((one.gain, "+.2f"), (one.psnr, ".2f"))]
        figures += [f"{one.seconds:.4g}", figure(one.multiply_adds and one.multiply_adds / 1e9, ",.0f")]
        cells.append(_row(one.method, one.precision or MISSING, one.size, *figures, figure(rate, "+.2f")))
    return Table(titles, "<<<" + ">" * 5, tuple(cells))


def image_table(quality: Quality) -> Table:
    """One row per image, with every method's PSNR and its gain over the blurry input."""
    baseline, *others = [method.name for method in quality.methods]
    psnr = {(score.pair, score.method): score.psnr for score in quality.scores}
    rows = []
    for pair in dict.fromkeys(score.pair for score in quality.scores):
        before = psnr[pair, baseline]
        after = [psnr[pair, name] for name in others]
        cells = (Cell(figure(value, ".2f"), figure(gain(before, value), "+.2f")) for value in after)
        rows.append((*_row(pair, figure(before, ".2f")), *cells))
    titles = ("image", *(f"{one_line(name)}, dB" for name in (baseline, *others)))
    return Table(titles, "<" + ">" * (len(titles) - 1), tuple(rows))


def _row(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(one_line(text)) for text in texts)


def _time(timing: Timing, fast: bool) -> Cell:
    form = ",.2f" if fast else ",.1f"
    middle, low, high = (format(1000 * each, form) for each in (timing.median, timing.fastest, timing.slowest))
    return Cell(middle, f"{low} to {high}, {counted(len(timing.seconds), 'run')}")


def _mebibytes(size: int | None) -> str:
    return MISSING if size is None else f"{size / MIB:,.0f}"
