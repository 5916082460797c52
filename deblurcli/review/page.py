"""The page of a review: the same whether it holds its pictures itself or is served with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from deblurcli.display import counted, display_name
from deblurcli.review.looks import Look, Measured
from deblurcli.review.marks import FORMAT, VERSION, Mark, entry_of
from deblurcli.review.pairs import Pair
from deblurcli.viewer.charts import bin_edges, counts_in, histogram
from deblurcli.viewer.crops import data_address
from deblurcli.viewer.page import VIEWER, make_page, part
from deblurcli.viewer.stage import stage

KINDS = ("before", "after")
KEYS = """<kbd>→</kbd> <kbd>←</kbd> next and previous photo, <kbd>B</kbd> flips between before and after,
<kbd>K</kbd> keep, <kbd>R</kbd> redo, <kbd>X</kbd> remove, <kbd>U</kbd> no mark; a mark goes on to the next photo. """
BELOW = """<div class="bar"><div class="captions" aria-live="polite"></div>
<div class="group"><output class="saved"></output><button type="button" id="save">Save marks</button></div></div>"""


def page_with_pictures(
    folder: Path, pairs: Sequence[Pair], looks: Sequence[Look | str], made: str, marks_name: str
) -> str:
    """A page that needs nothing but itself.

    Args:
        folder: of the results.
        pairs: what is shown.
        looks: of each pair; or why there is none.
        made: when, in words.
        marks_name: of the file in which the browser saves the marks.
    """
    photos, pictures, changes = [], [], []
    for number, (pair, look) in enumerate(zip(pairs, looks, strict=True)):
        if isinstance(look, str):
            photos.append(entry_of(pair) | {"problem": look})
            continue
        photos.append(entry_of(pair) | as_data(look.measured))
        changes.append(look.measured.change)
        files = (data_address(data) for data in (look.thumbnail, look.before, look.after))
        pictures.append(f'<script type="text/plain" id="pictures-{number}">{" ".join(files)}</script>\n')
    data = {"photos": photos, "marks": {}, "served": False, "marksName": marks_name, "made": made}
    return _page(folder, pairs, data, made, _spread(changes), "".join(pictures))


def page_to_serve(folder: Path, pairs: Sequence[Pair], marks: Mapping[int, Mark], made: str, marks_path: Path) -> str:
    """A page that asks its server for every picture when it is wanted, and gives it the marks to keep."""
    photos = [entry_of(pair) for pair in pairs]
    data = {"photos": photos, "marks": dict(marks), "served": True, "marksName": str(marks_path), "made": made}
    return _page(folder, pairs, data, made, "", "")


def as_data(measured: Measured) -> dict[str, Any]:
    """What was measured of a pair, for the page's script."""
    part = measured.part
    return {
        "width": measured.width,
        "height": measured.height,
        "change": round(measured.change, 3),
        "part": [part.x, part.y, part.width, part.height],
    }


def _page(folder: Path, pairs: Sequence[Pair], data: Mapping[str, Any], made: str, spread: str, pictures: str) -> str:
    title = f"Review of {display_name(folder.name)}"
    about = {"format": FORMAT, "version": VERSION, "folder": str(folder), **data}
    shown = stage([(kind, "") for kind in KINDS], [KINDS], BELOW, KEYS, _marks())
    body = f"""<header>
<h1>{escape(title)}</h1>
<p class="quiet">deblur review, {counted(len(pairs), "photo")}, {escape(made)}</p>
</header>
<main>
<div class="review">
<div class="viewer">
{shown}
{spread}
</div>
{_list()}
</div>
<noscript><p>A review needs JavaScript.</p></noscript>
</main>
<script type="application/json" id="data">{_island(about)}</script>
{pictures}"""
    styles = [part(VIEWER, f"{name}.css") for name in ("page", "stage", "charts")]
    own = __package__
    return make_page(
        title,
        body,
        [*styles, part(own, "review.css")],
        [part(VIEWER, "stage.js"), part(own, "review.js")],
        own_server=bool(data["served"]),
    )


def _island(data: Mapping[str, Any]) -> str:
    """JSON inside a page: no text in it can end the element, or begin a comment."""
    return json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _marks() -> str:
    marks = "".join(
        f'<button type="button" data-mark="{mark}" aria-pressed="false">{words}</button>'
        for mark, words in (("keep", "Keep"), ("redo", "Redo"), ("remove", "Remove"), ("", "No mark"))
    )
    return f'<div class="group" role="group" aria-label="Mark">{marks}</div>'


def _list() -> str:
    return """<div class="side">
<div class="filters">
<label class="find">Name <input type="search" id="find" placeholder="a part of it"></label>
<label>Marks <select id="marked"><option value="any">all</option><option value="">none yet</option>
<option value="keep">keep</option><option value="redo">redo</option><option value="remove">remove</option>
</select></label>
<label>Order <select id="order"><option value="name">by name</option><option value="most">most changed first</option>
<option value="least">least changed first</option></select></label>
<label class="change"><span>Changed <select id="side" aria-label="Changed by"><option value="least">at least</option>
<option value="most">at most</option></select> <output id="limit"></output></span>
<input type="range" id="changed" min="0" max="1" step="any" value="0" aria-label="How much changed"></label>
</div>
<p class="quiet" id="count" aria-live="polite"></p>
<div class="cards" role="group" aria-label="Photos"></div>
</div>"""


def _spread(changes: Sequence[float]) -> str:
    if not changes:
        return ""
    edges = bin_edges(0.0, max(changes))
    counts = counts_in(changes, edges)
    chart = histogram(
        "Histogram of how much the photos changed",
        [("after", counts)],
        edges,
        max(counts),
        title_x="mean change, levels of 255",
        title_y="photos",
        unit="levels",
        thing="photo",
    )
    caption = "<figcaption>How much the photos changed: mean absolute difference of all values.</figcaption>"
    return f'<details class="spread"><summary>How much changed</summary><figure>{chart}{caption}</figure></details>'
