"""Quality against time: what each model gives for the seconds it takes, beside what papers print for CPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deblurcli.bench.results import Report

PUBLISHED_SIZE = "1280×720"  # of the image that papers time


@dataclass(frozen=True)
class Worth:
    """A model that was measured and timed in one run, or a paper's row.

    Attributes:
        method: the model as the tables name it; a paper's says "as published".
        precision: as it was run; None where a paper does not say.
        size: of the timed image: "1280×720".
        gain: mean PSNR over the blurry input in dB; None of a paper, which does not print it.
        psnr: mean, in dB.
        seconds: for one image, pixels to pixels; a paper's are those of its own machine.
        multiply_adds: of one image by the network's definition; None where it is not known.
        published: whether it is a paper's.
    """

    method: str
    precision: str | None
    size: str
    gain: float | None
    psnr: float
    seconds: float
    multiply_adds: float | None
    published: bool = False


def worth_of(report: Report) -> list[Worth]:
    """Every timed row whose model was also measured, on the same device in the same precision; then the papers' rows.

    Empty where nothing was both measured and timed. Of the papers, those rows of the report's literature that have a
    time on a CPU.
    """
    if not (report.quality and report.speed) or report.quality.protocol != "pairs":
        return []
    summaries = {one.method: one for one in report.quality.summaries}
    methods = {
        (method.sha256, method.device, method.precision): summaries[method.name]
        for method in report.quality.methods
        if method.sha256 and not method.tta
    }
    measured = [
        Worth(
            row.model if row.device == "cpu" else f"{row.model}, {row.device}",
            row.precision,
            f"{row.width}×{row.height}",
            found.gain,
            found.psnr,
            row.network.median,
            row.flop / 2,
        )
        for row in report.speed.rows
        if (found := methods.get((row.sha256, row.device, row.precision)))
    ]
    return [*measured, *_published(report)] if measured else []


def _published(report: Report) -> list[Worth]:
    rows = dict.fromkeys(row for literature in report.literature for row in literature.rows)
    return [
        Worth(f"{row.method} (as published)", None, PUBLISHED_SIZE, None, float(row.psnr), float(time[1]), None, True)
        for row in rows
        if row.psnr and row.time and (time := re.fullmatch(r"([\d.]+) s \(CPU\)", row.time))
    ]
