"""Every score, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io

from deblurcli.bench.results import Report
from deblurcli.bench.writers.wording import provenance
from deblurcli.display import encodable

COLUMNS = ("pair", "method", "psnr", "ssim_wang", "ssim_matlab", "ms_ssim")


def to_csv(report: Report) -> str:
    """One line per image and method, in full precision, under a header and under provenance as lines with "#".

    PSNR is in dB, `inf` for identical images; an SSIM that is not defined is an empty field. Text is quoted, so that a
    name with a comma, or one that starts with "#", is read as a name. Timings are not here: they are in the JSON.
    """
    text = io.StringIO()
    for label, value in provenance(report):
        text.write(f"# {label}: {value}\n")
    table = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    table.writerow(COLUMNS)
    for score in report.quality.scores if report.quality else ():
        table.writerow(getattr(score, column) for column in COLUMNS)
    return encodable(text.getvalue())
