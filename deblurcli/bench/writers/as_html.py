"""A report as one page for a browser, which needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from deblurcli.bench.results import Report
from deblurcli.bench.worth import worth_of
from deblurcli.bench.writers.pictures import pictures
from deblurcli.bench.writers.quality_charts import charts
from deblurcli.bench.writers.tables import (
    Cell,
    Table,
    image_table,
    published_table,
    quality_table,
    speed_table,
    worth_table,
)
from deblurcli.bench.writers.viewed import Viewed
from deblurcli.bench.writers.wording import (
    QUALITY_LEAD,
    SPEED_LEAD,
    WORTH_LEAD,
    literature_title,
    one_line,
    provenance,
    scope,
)
from deblurcli.bench.writers.worth_chart import worth_chart
from deblurcli.viewer.page import VIEWER, make_page, part


def to_html(report: Report, viewed: Sequence[Viewed]) -> str:
    """The report as one HTML page: tables, charts, and a viewer of the images in `viewed`.

    Style, script and images are inside, and the page's own content security policy forbids everything else, so it can
    be mailed, archived and opened offline. Images are shown at full resolution without loss: whole up to 768x512
    pixels, else the part of that size where the result differs most from the input.
    """
    sections: list[tuple[str, str, str]] = []  # id, heading, content
    if quality := report.quality:
        content = _table("Quality", quality_table(quality)) + _quiet(QUALITY_LEAD)
        sections.append(("quality", "Quality", content))
    for number, literature in enumerate(report.literature, 1):
        title = literature_title(literature)
        content = _quiet(literature.lead) + _table(title, published_table(literature.rows))
        sections.append((f"published-{number}", title, content))
    if viewed:
        sections.append(("images", "Images", pictures(viewed)))
    if quality:
        every = _table("Every image", image_table(quality), long=True)
        content = f"{charts(quality)}<details><summary>Every image in figures</summary>{every}</details>"
        sections.append(("spread", "Image by image", content))
    if speed := report.speed:
        sections.append(("speed", "Speed", _table("Speed", speed_table(speed)) + _quiet(SPEED_LEAD)))
    if quality and (worth := worth_of(report)):
        content = worth_chart(worth, quality) + _table("Quality per second", worth_table(worth)) + _quiet(WORTH_LEAD)
        sections.append(("worth", "Quality per second", content))
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in provenance(report))
    sections.append(("provenance", "Provenance", f"<dl>{facts}</dl>"))
    return _page(report, sections)


def _page(report: Report, sections: Sequence[tuple[str, str, str]]) -> str:
    subject = scope(report.quality) if report.quality else "speed"
    blocks = "\n".join(
        f'<section id="{key}" aria-labelledby="{key}-title">'
        f'<h2 id="{key}-title">{escape(title)}</h2>{content}</section>'
        for key, title, content in sections
    )
    links = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in sections)
    body = f"""<header>
<p class="kicker">deblur bench</p>
<h1>{escape(subject)}</h1>
<p class="quiet">{escape(one_line(report.made))}</p>
<nav aria-label="Sections">{links}</nav>
</header>
<main>
{blocks}
</main>"""
    styles = [part(VIEWER, f"{name}.css") for name in ("page", "charts", "stage")]
    scripts = [part(VIEWER, f"{name}.js") for name in ("stage", "charts")]
    own = __package__
    return make_page(
        f"Benchmark: {subject}", body, [*styles, part(own, "report.css")], [*scripts, part(own, "report.js")]
    )


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _table(label: str, table: Table, long: bool = False) -> str:
    sides = ["number" if side == ">" else "text" for side in table.sides]
    titles = "".join(
        f'<th scope="col" class="{side}">{escape(title)}</th>' for side, title in zip(sides, table.titles, strict=True)
    )
    rows = "".join(f"<tr>{_row(row, sides)}</tr>" for row in table.rows)
    kind = "table long" if long else "table wide" if len(table.titles) > 8 else "table"
    # Focusable, so that a table wider than a phone can be scrolled with the keyboard.
    box = f'<div class="{kind}" tabindex="0" role="region" aria-label="{escape(label)}">'
    return f"{box}<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"


def _row(row: Sequence[Cell], sides: Sequence[str]) -> str:
    first, *others = (f'class="{side}">{_cell(cell, side)}' for side, cell in zip(sides, row, strict=True))
    return f'<th scope="row" {first}</th>' + "".join(f"<td {other}</td>" for other in others)


def _cell(cell: Cell, side: str) -> str:
    text = escape(cell.text) + (f"<small>{escape(cell.detail)}</small>" if cell.detail else "")
    return text.replace("-", "−") if side == "number" else text
