"""Measured figures of one file of weights, from the output of `deblur bench --json`, in the Hub's format."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deblurcli.bench.results import BASELINE, Method, Quality, Score
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_TITLES = {
    "gopro": "GoPro",
    "reds": "REDS",
    "hide": "HIDE",
    "realblur-j": "RealBlur-J",
    "realblur-r": "RealBlur-R",
    "kohler": "Köhler",
    "folder": "unpublished pairs",
}


@dataclass(frozen=True)
class Measured:
    """What a benchmark found of one model.

    Attributes:
        quality: the blurry input and this model, which may be there with its self-ensemble too. Without the folders:
            where things lie on the author's disk is nobody's business.
        made: when, ISO 8601.
        version: of deblurcli that measured.
        notes: what else a reader must know, such as why figures on this set differ from published ones.
    """

    quality: Quality
    made: str
    version: str
    notes: tuple[str, ...]

    @property
    def dataset(self) -> str:
        """Name of the data set and how much of it: "GoPro (a subset: 20 of 1111 pairs)"."""
        return f"{_TITLES.get(self.quality.dataset, self.quality.dataset)} ({self.quality.coverage})"


def read_measured(report: Path, name: str, sha256: str) -> Measured:
    """Figures of the file with this SHA-256. The means are computed again from the scores of the images.

    Args:
        report: output of `deblur bench --json`.
        name: of the model, which its rows get in place of what the benchmark was told.
        sha256: of its file, 64 hex digits.

    Raises:
        InputError: if the report cannot be read or is something else.
        UsageError: if it has no quality, or measures other weights.
    """
    label = display_name(report)
    try:
        document = json.loads(report.read_text(encoding="utf-8"))
        found = document["quality"]
        if found is None:
            raise UsageError(f"{label}: holds no quality; run `deblur bench --json` with a data set")
        rows = [Method(**row) for row in found["methods"] if row["name"] == BASELINE or row["sha256"] == sha256]
        if not any(row.sha256 == sha256 for row in rows):
            raise UsageError(
                f"{label}: measures other weights, none with SHA-256 {sha256[:16]}; run `deblur bench --model FILE "
                f"--json` with the file that you publish"
            )
        quality = _quality(found, rows, name)
        notes = tuple(str(note) for note in document["notes"])
        return Measured(quality, str(document["made"]), str(document["versions"]["deblurcli"]), notes)
    except OSError as error:
        raise InputError(f"{label}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{label}: not a report of `deblur bench --json`; make one with `> {report.name}`") from error


def eval_results(measured: Measured) -> list[EvalResult]:
    """One result per figure, rounded as the tables are. Infinite ones, of identical images, are left out."""
    from huggingface_hub import EvalResult

    quality, of = measured.quality, "RGB" if measured.quality.protocol == "pairs" else "luma after alignment"
    ensembles = {method.name for method in quality.methods if method.tta}
    results = []
    for one in quality.summaries:
        if one.method == BASELINE:
            continue
        after = " with self-ensemble" if one.method in ensembles else ""
        figures = (
            ("psnr", f"PSNR of {of} (dB)", one.psnr, 2),
            ("psnr-gain", "PSNR over the blurry input (dB)", one.gain, 2),
            ("ssim", "SSIM (MATLAB)", one.ssim_matlab, 4),
            ("ssim", "SSIM (Wang)", one.ssim_wang, 4),
            ("ms-ssim", "MS-SSIM of luma", one.ms_ssim, 4),
        )
        results += [
            EvalResult(
                task_type="image-to-image",
                task_name="Motion deblurring",
                dataset_type=quality.dataset,
                dataset_name=measured.dataset,
                dataset_args={"pairs": quality.pairs},
                metric_type=kind,
                metric_name=title + after,
                metric_value=round(value, digits),
            )
            for kind, title, value, digits in figures
            if value is not None and math.isfinite(value)
        ]
    return results


def _quality(found: Mapping[str, Any], rows: list[Method], name: str) -> Quality:
    """The part of these rows. Raises ValueError, KeyError or TypeError if anything is missing or not as it must be."""
    titles: dict[str, str] = {}
    for row in rows:
        title = BASELINE if row.name == BASELINE else f"{name} --tta" if row.tta else name
        if title not in titles.values():  # the same file may have been measured under two names
            titles[row.name] = title
    methods = tuple(Method(**(vars(row) | {"name": titles[row.name]})) for row in rows if row.name in titles)
    scores = tuple(
        Score(**(row | {"method": titles[row["method"]], "psnr": float(row["psnr"])}))
        for row in found["scores"]
        if row["method"] in titles
    )
    quality = Quality(
        dataset=str(found["dataset"]),
        folders=(),
        pairs=int(found["pairs"]),
        found=int(found["found"]),
        published=found["published"] and int(found["published"]),
        protocol=found["protocol"],
        methods=methods,
        scores=scores,
    )
    pairs = {method.name: {score.pair for score in scores if score.method == method.name} for method in methods}
    complete = all(seen == pairs[BASELINE] and len(seen) == quality.pairs for seen in pairs.values())
    if quality.protocol not in ("pairs", "kohler") or not scores or len(scores) != len(methods) * quality.pairs:
        raise ValueError("no scores, or not one for each pair")
    if not complete or not quality.summaries:
        raise ValueError("the methods were not measured on the same pairs")
    return quality
