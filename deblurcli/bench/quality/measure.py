"""One measurement of quality from start to end: rows, scores, and what is kept when it is interrupted."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from deblurcli.bench.data.datasets import Dataset
from deblurcli.bench.quality.journal import Journal
from deblurcli.bench.quality.scoring import Restore, read_rgb, score_pairs
from deblurcli.bench.results import BASELINE, Method, Quality
from deblurcli.bench.writers.viewed import Viewed, choose_viewed
from deblurcli.digest import sha256_of
from deblurcli.models.files import find_weights
from deblurcli.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from deblurcli.restore.deblurrer import Deblurrer

Row = tuple[Method, Restore | None]


def rows_of(models: Sequence[str], device: str, precision: str, tta: bool) -> list[Row]:
    """The blurry input, then every model, each also with its self-ensemble if `tta`.

    Raises:
        WeightsUnavailable, WeightsDamaged: if a model cannot be loaded.
        UsageError: if the device or precision does not exist here.
    """
    from deblurcli.restore.deblurrer import Deblurrer

    rows: list[Row] = [(Method(BASELINE), None)]
    for model in models:
        deblurrer = Deblurrer(model, device, precision)
        method = method_of(model, deblurrer)
        rows.append((method, quietly(deblurrer)))
        if tta:
            ensemble = copy.copy(deblurrer)  # on the same weights
            ensemble.tta = True
            rows.append((replace(method, name=f"{model} --tta", tta=True), quietly(ensemble)))
    return rows


def method_of(model: str, deblurrer: Deblurrer) -> Method:
    from deblurcli.restore.device import device_name

    path = find_weights(model)
    return Method(
        model,
        weights=path.name,
        sha256=sha256_of(path),
        parameters=sum(parameter.numel() for parameter in deblurrer.network.parameters()),
        device=device_name(deblurrer.device),
        precision=deblurrer.precision,
    )


def quietly(deblurrer: Deblurrer) -> Restore:
    """Without the warning where the input was kept: what a user gets is measured, and a warning has no place here."""

    def restore(pixels: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return deblurrer(pixels)

    return restore


def measure_quality(
    dataset: Dataset,
    found: int,
    rows: Sequence[Row],
    journals: Path,
    *,
    resume: bool,
    workers: int,
    advance: Callable[[int], None] = lambda scores: None,
) -> Quality:
    """Score all rows on a data set, keeping every score on disk until all are there.

    Args:
        dataset: what to measure on.
        found: how many pairs there were before a limit.
        rows: from `rows_of`.
        journals: folder for the scores of unfinished measurements.
        resume: use what an interrupted run of the same measurement left; otherwise start afresh.
        workers: processes that compute the measures.
        advance: told how many scores there are so far.

    Raises:
        InputError: if an image cannot be read or fits its partner badly.
        OutputError: if the scores cannot be kept.
    """
    methods = [method for method, _ in rows]
    journal = Journal(journals, dataset, methods, __version__)
    if not resume:
        journal.clear()
    scores = {(score.pair, score.method): score for score in journal.read()}
    advance(len(scores))
    for score in score_pairs(dataset, rows, scores.keys(), workers):
        journal.add(score)
        scores[score.pair, score.method] = score
        advance(len(scores))
    ordered = [scores[pair.name, method.name] for pair in dataset.pairs for method in methods]
    journal.clear()
    return Quality(
        dataset.name,
        dataset.folders,
        len(dataset.pairs),
        found,
        dataset.published,
        dataset.protocol,
        tuple(methods),
        tuple(ordered),
    )


def views_of(quality: Quality, dataset: Dataset, rows: Sequence[Row]) -> list[Viewed]:
    """The images that a report shows: of the first model, restored once more, for only scores are kept of a run.

    Of Koehler's trajectories the middle frame stands for the truth.
    """
    if len(rows) < 2:
        return []
    method, restore = rows[1]
    assert restore is not None
    pairs = {pair.name: pair for pair in dataset.pairs}
    psnr = {(score.pair, score.method): score.psnr for score in quality.scores}
    views = []
    for name, reason in choose_viewed(quality, method.name):
        pair = pairs[name]
        blurry = read_rgb(pair.blurry)
        truth = read_rgb(pair.truths[len(pair.truths) // 2])
        before, after = psnr[name, BASELINE], psnr[name, method.name]
        views.append(Viewed(name, reason, method.name, blurry, restore(blurry), truth, before, after))
    return views
