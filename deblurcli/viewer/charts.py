"""Charts as inline SVG: histograms and scatter plots, on axes with round figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from deblurcli.display import counted

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 36, 8, 28, 44  # margins around the plotting area
BINS = 24  # about so many
RADIUS = 3.5
LEAST_SPAN = 0.5  # of an axis, in its own unit


@dataclass(frozen=True)
class Dot:
    """A dot of a scatter plot: its class in the style, where it is, and what is read when it is pointed at."""

    kind: str
    x: float
    y: float
    title: str


def bin_edges(low: float, high: float) -> list[float]:
    """Edges of bins of equal width, at round figures, that take in all values from `low` to `high`."""
    step = _round_step(max(high - low, LEAST_SPAN) / BINS)
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return [index * step for index in range(first, last + 1)]


def counts_in(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many of the values are in each bin; infinite ones are in none."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        if math.isfinite(value):
            position = (value - edges[0]) / (edges[1] - edges[0])
            counts[min(int(position), len(counts) - 1)] += 1
    return counts


def histogram(
    label: str,
    series: Sequence[tuple[str, Sequence[int]]],
    edges: Sequence[float],
    tallest: int,
    *,
    title_x: str,
    title_y: str,
    unit: str,
    thing: str,
) -> str:
    """Bars of one or more series, side by side in each bin.

    Args:
        label: what it is, for those who cannot see it.
        series: class in the style and counts in each bin.
        edges: of the bins, one more than there are counts.
        tallest: count at the upper end of the axis.
        title_x, title_y: of the axes.
        unit, thing: "dB" and "image", for what is read at a bar.
    """
    low, high = edges[0], edges[-1]
    ticks = [float(tick) for tick in range(0, tallest + 1, max(1, math.ceil(_round_step(tallest / 5))))]
    parts = _grid((low, high), (0, tallest), ticks, title_x, title_y)
    wide = (_x(edges[1], low, high) - LEFT) / len(series) - 1 / len(series)
    for side, (kind, counts) in enumerate(series):
        for index, number in enumerate(counts):
            if number:
                x = _x(edges[index], low, high) + 0.5 + side * wide
                y = _y(number, 0, tallest)
                title = f"{edges[index]:g} to {edges[index + 1]:g} {unit}: {counted(number, thing)}"
                box = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{HEIGHT - BOTTOM - y:.1f}"'
                parts.append(f'<rect class="{kind}" {box}><title>{escape(title)}</title></rect>')
    return _svg(label, parts)


def scatter(label: str, dots: Sequence[Dot], low: float, high: float, *, title_x: str, title_y: str) -> str:
    """Dots on two axes of the same range, with the line on which both values are equal."""
    parts = _grid((low, high), (low, high), _ticks(low, high), title_x, title_y)
    parts.append(f'<line class="same" x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{TOP}"/>')
    for dot in dots:
        place = f'cx="{_x(dot.x, low, high):.1f}" cy="{_y(dot.y, low, high):.1f}" r="{RADIUS}"'
        parts.append(f'<circle class="{dot.kind}" {place}><title>{escape(dot.title)}</title></circle>')
    return _svg(label, parts)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... and their tenths and so on that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _svg(label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _grid(
    range_x: tuple[float, float], range_y: tuple[float, float], ticks_y: Sequence[float], title_x: str, title_y: str
) -> list[str]:
    """Lines, figures and titles of both axes."""
    base, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in ticks_y:
        y = _y(tick, *range_y)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{end}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in _ticks(*range_x):
        parts.append(f'<text x="{_x(tick, *range_x):.1f}" y="{base + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{end}" y2="{base}"/>')
    parts.append(f'<text x="{end}" y="{HEIGHT - 6}" text-anchor="end">{escape(title_x)}</text>')
    parts.append(f'<text x="0" y="12">{escape(title_y)}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    step = _round_step((high - low) / 6)
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
