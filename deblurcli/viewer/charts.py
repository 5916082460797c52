"""Charts as inline SVG: histograms and scatter plots, on axes with round figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from deblurcli.display import counted

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 36, 8, 28, 44  # margins around the plotting area
BINS = 24  # about so many
RADIUS = 3.5
LETTER, LINE = 7, 14  # about the width of a letter of a name, and the height of its line
LEAST_SPAN = 0.5  # of an axis, in its own unit


@dataclass(frozen=True)
class Dot:
    """A dot of a scatter plot: its class in the style, where it is, what is read at it, and a name beside it."""

    kind: str
    x: float
    y: float
    title: str
    name: str = ""


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
    return _svg(label, [*parts, *(_circle(dot, (low, high), (low, high)) for dot in dots)])


def scatter_of_ratios(label: str, dots: Sequence[Dot], *, title_x: str, title_y: str) -> str:
    """Dots whose x is above 0 and counts by its ratios: equal steps to the right are equal factors."""
    dots = [replace(dot, x=math.log10(dot.x)) for dot in dots]
    range_x, range_y = (_with_margin([dot.x for dot in dots], 0.3), _with_margin([dot.y for dot in dots], LEAST_SPAN))
    powers = range(math.floor(range_x[0]), math.ceil(range_x[1]) + 1)
    factors = (1, 2, 5) if range_x[1] - range_x[0] < 3 else (1,)  # more figures would run into each other
    values = [factor * 10.0**power for power in powers for factor in factors]
    ticks = [(at, f"{value:g}") for value in values if range_x[0] <= (at := math.log10(value)) <= range_x[1]]
    parts = _grid(range_x, range_y, _ticks(*range_y), title_x, title_y, ticks)
    parts += (_circle(dot, range_x, range_y) for dot in dots)
    return _svg(label, [*parts, *_names(dots, range_x, range_y)])


def _with_margin(values: Sequence[float], least: float) -> tuple[float, float]:
    """A range around the values, a tenth of theirs more on both sides, and at least so much."""
    margin = max((max(values) - min(values)) / 10, least / 2)
    return min(values) - margin, max(values) + margin


def _circle(dot: Dot, range_x: tuple[float, float], range_y: tuple[float, float]) -> str:
    place = f'cx="{_x(dot.x, *range_x):.1f}" cy="{_y(dot.y, *range_y):.1f}" r="{RADIUS}"'
    return f'<circle class="{dot.kind}" {place}><title>{escape(dot.title)}</title></circle>'


def _names(dots: Sequence[Dot], range_x: tuple[float, float], range_y: tuple[float, float]) -> Iterator[str]:
    """The dots' names, each on the side with more room, and one line lower where another stands already."""
    taken: list[tuple[float, float, float]] = []  # left, right, baseline
    for dot in filter(lambda dot: dot.name, dots):
        x, y = _x(dot.x, *range_x), _y(dot.y, *range_y) + 4
        wide = LETTER * len(dot.name)
        left = x + 8 if x < WIDTH / 2 else x - 8 - wide
        while any(left < right and start < left + wide and abs(base - y) < LINE for start, right, base in taken):
            y += LINE
        taken.append((left, left + wide, y))
        anchor, at = ("start", x + 8) if x < WIDTH / 2 else ("end", x - 8)
        yield f'<text x="{at:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(dot.name)}</text>'


def captioned(svg: str, caption: str, *, readout: bool = False) -> str:
    """A chart as a figure with a caption; with `readout` a place where the dot that is pointed at is told."""
    output = '<output class="readout">Point at a dot to read it.</output>' if readout else ""
    return f"<figure>{svg}<figcaption>{caption}{output}</figcaption></figure>"


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... and their tenths and so on that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _svg(label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _grid(
    range_x: tuple[float, float],
    range_y: tuple[float, float],
    ticks_y: Sequence[float],
    title_x: str,
    title_y: str,
    ticks_x: Sequence[tuple[float, str]] | None = None,
) -> list[str]:
    """Lines, figures and titles of both axes; the figures below are the places themselves if none are given."""
    base, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in ticks_y:
        y = _y(tick, *range_y)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{end}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for place, text in ticks_x or [(tick, f"{tick:g}") for tick in _ticks(*range_x)]:
        parts.append(f'<text x="{_x(place, *range_x):.1f}" y="{base + 18}" text-anchor="middle">{text}</text>')
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
