"""The reports a benchmark writes: the same findings as JSON, CSV, Markdown and as a page for a browser."""

from deblurcli.bench.writers.as_csv import to_csv
from deblurcli.bench.writers.as_html import to_html
from deblurcli.bench.writers.as_json import to_json
from deblurcli.bench.writers.as_markdown import to_markdown
from deblurcli.bench.writers.viewed import Viewed, choose_viewed

__all__ = ["Viewed", "choose_viewed", "to_csv", "to_html", "to_json", "to_markdown"]
