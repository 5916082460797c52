"""Charts of PSNR: how images spread, and how each fares against its blurry input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from deblurcli.bench.results import BASELINE, Quality
from deblurcli.bench.writers.wording import figure, gain, one_line
from deblurcli.display import counted
from deblurcli.viewer.charts import Dot, bin_edges, captioned, counts_in, histogram, scatter


def charts(quality: Quality) -> str:
    """Figures of every method but the baseline, or of the baseline if it is alone; all on the same axes.

    Images of infinite PSNR are not drawn, and counted below the chart.
    """
    psnr = {(score.pair, score.method): score.psnr for score in quality.scores}
    pairs = list(dict.fromkeys(score.pair for score in quality.scores))
    finite = [value for value in psnr.values() if math.isfinite(value)]
    if not finite:
        return '<p class="quiet">Every image is identical to the true one: there is nothing to draw.</p>'
    edges = bin_edges(min(finite), max(finite))
    before = [psnr[pair, BASELINE] for pair in pairs]
    figures = []
    bins = {method.name: counts_in([psnr[pair, method.name] for pair in pairs], edges) for method in quality.methods}
    tallest = max(max(counts) for counts in bins.values())
    for name in [method.name for method in quality.methods if method.name != BASELINE] or [BASELINE]:
        after = [psnr[pair, name] for pair in pairs]
        spread = _spread(name, bins[name], bins[BASELINE], edges, tallest)
        parts = [_figure(spread, "Images by PSNR. Grey: before. Coloured: after.", after)]
        if name != BASELINE:
            caption = "Each image before and after. Above the line it gained; below, it lost."
            against = _scatter(name, pairs, before, after, edges)
            parts += [_figure(against, caption, [*map(max, before, after)], readout=True)]
        figures.append(f'<h3>{escape(one_line(name))}</h3><div class="charts">{"".join(parts)}</div>')
    return "".join(figures)


def _figure(svg: str, caption: str, values: Sequence[float], readout: bool = False) -> str:
    left_out = sum(not math.isfinite(value) for value in values)
    caption += f" Not drawn: {counted(left_out, 'image')} of infinite PSNR." if left_out else ""
    return captioned(svg, caption, readout=readout)


def _spread(name: str, own: Sequence[int], baseline: Sequence[int], edges: Sequence[float], tallest: int) -> str:
    label = f"Histogram of PSNR for {one_line(name)}, from {edges[0]:g} to {edges[-1]:g} dB"
    series = (("before", baseline), ("after", own))
    return histogram(label, series, edges, tallest, title_x="PSNR, dB", title_y="images", unit="dB", thing="image")


def _scatter(
    name: str, pairs: Sequence[str], before: Sequence[float], after: Sequence[float], edges: Sequence[float]
) -> str:
    dots = [
        Dot("worse" if y < x else "after", x, y, f"{one_line(pair)}: {x:.2f} to {y:.2f} dB, {figure(y - x, '+.2f')}")
        for pair, x, y in zip(pairs, before, after, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    better = sum(gain(x, y) > 0 for x, y in zip(before, after, strict=True))
    label = f"PSNR of each blurry input against {one_line(name)}; {better} of {counted(len(pairs), 'image')} gained"
    title = "PSNR of the blurry input, dB"
    return scatter(label, dots, edges[0], edges[-1], title_x=title, title_y="PSNR, dB")
