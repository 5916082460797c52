"""A benchmark's report on a terminal: tables on standard output, and below them how they came about."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deblurcli.bench.results import Report
from deblurcli.bench.worth import worth_of
from deblurcli.bench.writers import tables, wording


def print_report(report: Report) -> None:
    console = Console()
    # A file or a pipe gets every column in full, however narrow rich takes it to be.
    if not console.is_terminal:
        console = Console(width=200)
    if quality := report.quality:
        console.print(Text(wording.scope(quality), "bold"))
        console.print(rendered(tables.quality_table(quality)))
    for literature in report.literature:
        console.print(Text(f"\n{wording.literature_title(literature)}", "bold"))
        console.print(Text(literature.lead, "dim"), soft_wrap=True)
        console.print(rendered(tables.published_table(literature.rows)))
    if speed := report.speed:
        console.print(Text("\nSpeed" if quality else "Speed", "bold"))
        console.print(rendered(tables.speed_table(speed)))
    if worth := worth_of(report):
        console.print(Text("\nQuality per second", "bold"))
        console.print(rendered(tables.worth_table(worth)))
        console.print(Text(wording.WORTH_LEAD, "dim"), soft_wrap=True)
    console.print()
    for label, value in wording.provenance(report):
        console.print(Text(f"{label}: {value}", "dim"), soft_wrap=True)


def rendered(table: tables.Table) -> Table:
    result = Table(box=None, pad_edge=False)
    for title, side in zip(table.titles, table.sides, strict=True):
        result.add_column(Text(title), justify="right" if side == ">" else "left")
    for row in table.rows:
        result.add_row(*(Text(f"{cell.text} ({cell.detail})" if cell.detail else cell.text) for cell in row))
    return result
