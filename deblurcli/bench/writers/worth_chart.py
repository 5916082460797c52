"""A chart of quality against time."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from deblurcli.bench.results import Quality
from deblurcli.bench.worth import PUBLISHED_SIZE, Worth
from deblurcli.bench.writers.wording import one_line
from deblurcli.viewer.charts import Dot, captioned, scatter_of_ratios


def worth_chart(rows: Sequence[Worth], quality: Quality) -> str:
    """A figure of the rows; papers' only where their data set was measured, since PSNRs of others do not compare.

    Empty if nothing can be drawn.
    """
    drawn = [row for row in rows if isfinite(row.psnr) and (not row.published or quality.dataset == "gopro")]
    if not drawn:
        return ""
    dots = [
        Dot(
            "before" if row.published else "after",
            row.seconds,
            row.psnr,
            f"{one_line(row.method)}: {row.psnr:.2f} dB, {row.seconds:.3g} s"
            + (f", {row.precision}, {row.size}" if row.precision else ""),
            "" if row.published else one_line(row.method),
        )
        for row in drawn
    ]
    label = "PSNR against the seconds for one image"
    caption = "To the upper left: sharper in less time."
    if any(row.published for row in drawn):
        caption += f" Grey: as papers print, {PUBLISHED_SIZE} on their own machines."
    svg = scatter_of_ratios(label, dots, title_x="seconds", title_y="PSNR, dB")
    return f'<div class="charts">{captioned(svg, caption, readout=True)}</div>'
