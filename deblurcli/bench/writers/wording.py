"""Figures and facts in words, alike in every report."""

from __future__ import annotations

import math

from deblurcli.bench.results import BASELINE, Literature, Method, Quality, Report
from deblurcli.display import counted

MISSING = "–"

QUALITY_LEAD = (
    "Gain is PSNR over the blurry input: the mean, then the image that gained least and the one that gained most."
)
SPEED_LEAD = (
    "Network: from pixels in memory to pixels in memory. File to file: with decoding, encoding and writing. Times are "
    "medians, with the fastest and slowest run. GFLOP/s count the operations of the network's definition; "
    "the matrix peak is the fastest matrix product of the same device and precision, measured in the same run. A share "
    "above 100 % means that an algorithm needs fewer operations than the definition has."
)
WORTH_LEAD = (
    "Models that were measured and timed in this run: gain and PSNR of the images measured here, seconds of one image "
    "from pixels to pixels on this machine. What papers print is of GoPro's test set and of their own machines. "
    "Multiply-adds are those of the network's definition."
)

_PROTOCOLS = {
    "pairs": "PSNR of 8-bit RGB and SSIM, per image, then the mean over images",
    "kohler": "each image against all frames of its camera trajectory, after the best shift in whole pixels and the "
    "best intensity scale; PSNR and multi-scale SSIM of luma, the best of each over the frames, then the mean over "
    "images",
}


def gain(before: float, after: float) -> float:
    """PSNR over the blurry input in dB; 0 where both are infinite."""
    return 0.0 if after == before else after - before


def figure(value: float | None, form: str) -> str:
    """A figure in a format like ".2f"; an infinite one as a sign, and a missing one as a dash."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "-∞" if value < 0 else "+∞" if form.startswith("+") else "∞"
    return format(value, form)


def one_line(text: str) -> str:
    """The text with whatever does not print, line breaks among it, as an escape sequence."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def scope(quality: Quality) -> str:
    """Data set and coverage: "gopro, a subset: 20 of 1111 pairs"."""
    return f"{one_line(quality.dataset)}, {quality.coverage}"


def provenance(report: Report) -> list[tuple[str, str]]:
    """What someone needs to measure the same again, as (label, value), each on one line."""
    facts: list[tuple[str, str]] = []
    if quality := report.quality:
        facts += [("dataset", quality.dataset), ("coverage", quality.coverage)]
        facts += [("folder", folder) for folder in quality.folders]
        facts += [("protocol", _PROTOCOLS[quality.protocol])]
        facts += [("method", describe(method)) for method in quality.methods if method.name != BASELINE]
    if speed := report.speed:
        facts += [("processor", f"{speed.processor}, {counted(speed.threads, 'thread')}")]
        facts += [("GPU", speed.gpu)] if speed.gpu else []
        facts += [("speed protocol", speed.preset)] if speed.preset else []
        timed = dict.fromkeys((row.model, row.sha256) for row in speed.rows)
        facts += [("timed", f"{model}: sha256 {sha256}") for model, sha256 in timed]
    facts += [("versions", ", ".join(f"{name} {version}" for name, version in report.versions.items()))]
    facts += [("command", report.command), ("made", report.made)]
    facts += [("note", note) for note in report.notes]
    return [(label, one_line(value)) for label, value in facts]


def describe(method: Method) -> str:
    """How a method was run, on one line."""
    facts = [
        method.weights,
        f"sha256 {method.sha256}" if method.sha256 else None,
        f"{method.parameters:,} parameters" if method.parameters is not None else None,
        method.device,
        method.precision,
        "mean over the eight flips and quarter turns" if method.tta else None,
    ]
    return f"{method.name}: {', '.join(fact for fact in facts if fact)}"


def literature_title(literature: Literature) -> str:
    """Heading of published rows, which says that they are not measured."""
    return f"As published: {one_line(literature.about)}"
