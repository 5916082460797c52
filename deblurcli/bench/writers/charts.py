"""Charts of PSNR as inline SVG: how images spread, and how each fares against its blurry input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from deblurcli.bench.results import BASELINE, Quality
from deblurcli.bench.writers.wording import counted, figure, gain, one_line

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 36, 8, 28, 44  # margins around the plotting area
BINS = 24  # about so many
RADIUS = 3.5


def charts(quality: Quality) -> str:
    """Figures of every method but the baseline, or of the baseline if it is alone; all on the same axes.

    Images of infinite PSNR are not drawn, and counted below the chart.
    """
    psnr = {(score.pair, score.method): score.psnr for score in quality.scores}
    pairs = list(dict.fromkeys(score.pair for score in quality.scores))
    finite = [value for value in psnr.values() if math.isfinite(value)]
    if not finite:
        return '<p class="quiet">Every image is identical to the true one: there is nothing to draw.</p>'
    edges = _edges(min(finite), max(finite))
    before = [psnr[pair, BASELINE] for pair in pairs]
    figures = []
    bins = {method.name: _histogram([psnr[pair, method.name] for pair in pairs], edges) for method in quality.methods}
    tallest = max(max(counts) for counts in bins.values())
    for name in [method.name for method in quality.methods if method.name != BASELINE] or [BASELINE]:
        after = [psnr[pair, name] for pair in pairs]
        spread = _spread(name, bins[name], bins[BASELINE], edges, tallest)
        parts = [_figure(spread, "Images by PSNR. Grey: before. Coloured: after.", after)]
        if name != BASELINE:
            caption = "Each image before and after. Above the line it gained; below, it lost."
            parts += [
                _figure(_scatter(name, pairs, before, after, edges), caption, [*map(max, before, after)], readout=True)
            ]
        figures.append(f'<h3>{escape(one_line(name))}</h3><div class="charts">{"".join(parts)}</div>')
    return "".join(figures)


def _figure(svg: str, caption: str, values: Sequence[float], readout: bool = False) -> str:
    left_out = sum(not math.isfinite(value) for value in values)
    caption += f" Not drawn: {counted(left_out, 'image')} of infinite PSNR." if left_out else ""
    output = '<output class="readout">Point at a dot to read it.</output>' if readout else ""
    return f"<figure>{svg}<figcaption>{caption}{output}</figcaption></figure>"


def _edges(low: float, high: float) -> list[float]:
    """Edges of the bins, round numbers of dB, that take in all values."""
    step = _round_step(max(high - low, 0.5) / BINS)
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return [index * step for index in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... and their tenths and so on that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        if math.isfinite(value):
            position = (value - edges[0]) / (edges[1] - edges[0])
            counts[min(int(position), len(counts) - 1)] += 1
    return counts


def _spread(name: str, own: Sequence[int], baseline: Sequence[int], edges: Sequence[float], tallest: int) -> str:
    axis_y = [float(tick) for tick in range(0, tallest + 1, max(1, math.ceil(_round_step(tallest / 5))))]
    parts = _grid(edges[0], edges[-1], 0, tallest, axis_y, "PSNR, dB", "images")
    half = (_x(edges[1], edges[0], edges[-1]) - LEFT) / 2 - 0.5  # before and after side by side
    for side, (kind, counts) in enumerate((("before", baseline), ("after", own))):
        for index, number in enumerate(counts):
            if number:
                x = _x(edges[index], edges[0], edges[-1]) + 0.5 + side * half
                y = _y(number, 0, tallest)
                title = f"{edges[index]:g} to {edges[index + 1]:g} dB: {counted(number, 'image')}"
                box = f'x="{x:.1f}" y="{y:.1f}" width="{half:.1f}" height="{HEIGHT - BOTTOM - y:.1f}"'
                parts.append(f'<rect class="{kind}" {box}><title>{title}</title></rect>')
    return _svg(f"Histogram of PSNR for {name}, from {edges[0]:g} to {edges[-1]:g} dB", parts)


def _scatter(
    name: str, pairs: Sequence[str], before: Sequence[float], after: Sequence[float], edges: Sequence[float]
) -> str:
    low, high = edges[0], edges[-1]
    parts = _grid(low, high, low, high, _ticks(low, high), "PSNR of the blurry input, dB", "PSNR, dB")
    ends = f'x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{TOP}"'
    parts.append(f'<line class="same" {ends}/>')
    better = 0
    for pair, x, y in zip(pairs, before, after, strict=True):
        better += gain(x, y) > 0
        if math.isfinite(x) and math.isfinite(y):
            title = f"{one_line(pair)}: {x:.2f} to {y:.2f} dB, {figure(y - x, '+.2f')}"
            place = f'cx="{_x(x, low, high):.1f}" cy="{_y(y, low, high):.1f}" r="{RADIUS}"'
            parts.append(
                f'<circle class="{"worse" if y < x else "after"}" {place}><title>{escape(title)}</title></circle>'
            )
    label = f"PSNR of each blurry input against {name}; {better} of {counted(len(pairs), 'image')} gained"
    return _svg(label, parts)


def _svg(label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(one_line(label))}">{"".join(parts)}</svg>'
    )


def _grid(
    low: float, high: float, bottom: float, top: float, ticks_y: Sequence[float], title_x: str, title_y: str
) -> list[str]:
    """Lines, figures and titles of both axes."""
    base, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in ticks_y:
        y = _y(tick, bottom, top)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{end}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in _ticks(low, high):
        parts.append(f'<text x="{_x(tick, low, high):.1f}" y="{base + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{end}" y2="{base}"/>')
    parts.append(f'<text x="{end}" y="{HEIGHT - 6}" text-anchor="end">{title_x}</text>')
    parts.append(f'<text x="0" y="12">{title_y}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    step = _round_step((high - low) / 6)
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
