"""Tables for a README, an issue or a paper's notes."""

from __future__ import annotations

import re

from deblurcli.bench.results import Report
from deblurcli.bench.worth import worth_of
from deblurcli.bench.writers.tables import Cell, Table, published_table, quality_table, speed_table, worth_table
from deblurcli.bench.writers.wording import (
    QUALITY_LEAD,
    SPEED_LEAD,
    WORTH_LEAD,
    literature_title,
    one_line,
    provenance,
    scope,
)
from deblurcli.display import encodable


def to_markdown(report: Report) -> str:
    """Quality, published rows under a heading of their own, speed, and provenance, in GitHub's Markdown.

    Names are escaped or set as code, so that none of them is read as markup.
    """
    parts = ["# Benchmark"]
    if quality := report.quality:
        parts += [f"## Quality: {_escape(scope(quality))}", _table(quality_table(quality))]
        parts += [QUALITY_LEAD]
    for literature in report.literature:
        parts += [f"## {_escape(literature_title(literature))}", _escape(literature.lead)]
        parts += [_table(published_table(literature.rows))]
    if speed := report.speed:
        parts += ["## Speed", _table(speed_table(speed))]
        parts += [SPEED_LEAD]
    if worth := worth_of(report):
        parts += ["## Quality per second", _table(worth_table(worth)), WORTH_LEAD]
    lines = [f"- {label}: {_code(value)}" for label, value in provenance(report)]
    return encodable("\n\n".join([*parts, "## Provenance", "\n".join(lines)]) + "\n")


def _table(table: Table) -> str:
    rule = ("---:" if side == ">" else "---" for side in table.sides)
    rows = [[_escape(title) for title in table.titles], rule, *(map(_cell, row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(cell: Cell) -> str:
    text = f"{cell.text} ({cell.detail})" if cell.detail else cell.text
    return _escape(text)


def _escape(text: str) -> str:
    # An underscore inside a word is no emphasis, and names are full of them.
    return re.sub(r"([\\`*\[\]<>|&#~]|(?<!\w)_|_(?!\w))", r"\\\1", one_line(text))


def _code(text: str) -> str:
    """The text as a code span, fenced by more backticks than it has in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
