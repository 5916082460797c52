"""Everything a benchmark found, for programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from deblurcli.bench.results import Quality, Report, Speed, Timing
from deblurcli.bench.worth import worth_of
from deblurcli.display import encodable


def to_json(report: Report) -> str:
    """The report as one JSON object, in full precision.

    Keys: `command`, `made`, `versions`, `notes`; `quality` (null if not measured) with the fields of `Quality`, its
    `coverage` in words and the `summaries`; `speed` (null if not measured) with the fields of `Speed`, and in every row
    each run's `seconds` and what follows from them; `as_published`, a list of published tables with `about`, `lead` and
    `rows`, whose figures are strings, with the digits that the papers print; `quality_per_second`, a list with the
    fields of `deblurcli.bench.worth.Worth`.
    Units are those of `deblurcli.bench.results`: dB, seconds, bytes, FLOP/s.

    JSON has no infinity, so the PSNR of identical images is the string "inf" (and a gain may be "-inf"), which both
    Python's `float` and NumPy read.
    """
    document = {
        "command": report.command,
        "made": report.made,
        "versions": report.versions,
        "quality": _quality(report.quality) if report.quality else None,
        "speed": _speed(report.speed) if report.speed else None,
        "as_published": [asdict(literature) for literature in report.literature],
        "quality_per_second": [asdict(row) for row in worth_of(report)],
        "notes": report.notes,
    }
    return encodable(json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _quality(quality: Quality) -> dict[str, Any]:
    summaries = [asdict(summary) for summary in quality.summaries]
    scores = [asdict(score) for score in quality.scores]  # last, being long
    return {**asdict(quality), "coverage": quality.coverage, "summaries": summaries, "scores": scores}


def _speed(speed: Speed) -> dict[str, Any]:
    rows = [
        {
            **asdict(row),
            "network": _timing(row.network),
            "file": _timing(row.file),
            "images_per_second": row.images_per_second,
            "flop_per_second": row.flop_per_second,
            "share_of_peak": row.share_of_peak,
        }
        for row in speed.rows
    ]
    return {**asdict(speed), "rows": rows}


def _timing(timing: Timing) -> dict[str, Any]:
    return {
        "seconds": timing.seconds,
        "median": timing.median,
        "fastest": timing.fastest,
        "slowest": timing.slowest,
    }


def _finite(value: Any) -> Any:
    """The same with infinities as strings."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
