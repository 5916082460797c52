"""The part of a page in which a reader wipes between two pictures that zoom and move together."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def stage(
    layers: Sequence[tuple[str, str]],
    comparisons: Sequence[tuple[str, str]],
    below: str,
    keys: str = "",
    beside: str = "",
) -> str:
    """The stage and its controls; `startStage` in stage.js gives them life.

    Args:
        layers: a word for each kind of picture, such as "before", and the `<img>`s of that kind as HTML.
        comparisons: which two kinds a reader may compare, the first pair at the beginning.
        below: HTML that stands under the controls, such as captions.
        keys: HTML that tells of more keys.
        beside: HTML of more buttons, beside those of the zoom.
    """
    pictures = "".join(f'<div class="layer" data-kind="{kind}">{images}</div>' for kind, images in layers)
    return f"""<div class="show">
<div class="stage" tabindex="0" role="group" aria-label="Picture" aria-describedby="keys">{pictures}
<div class="divider"></div><span class="tag left"></span><span class="tag right"></span></div>
<input class="wipe" type="range" min="0" max="100" step="any" value="50" aria-label="Wipe">
<div class="bar">{_comparisons(comparisons)}{beside}
<div class="group" role="group" aria-label="Zoom"><button type="button" data-zoom="out" aria-label="Zoom out">−</button>
<output class="zoom" aria-label="Zoom">100 %</output>
<button type="button" data-zoom="in" aria-label="Zoom in">+</button>
<button type="button" data-zoom="one">100 %</button><button type="button" data-zoom="two">200 %</button>
<button type="button" data-zoom="fit">Fit</button></div></div>
{below}
<p class="quiet" id="keys">Both pictures zoom and move together: <kbd>+</kbd> <kbd>−</kbd>, <kbd>1</kbd> for 100 %,
<kbd>2</kbd> for 200 %, <kbd>0</kbd> to fit, and the arrow keys or the wheel once the picture is clicked (or the wheel
with Ctrl). The slider moves the wipe. {keys}At 100 % one pixel of the image is one CSS pixel; larger, pixels stay
square.</p>
</div>"""


def _comparisons(pairs: Sequence[tuple[str, str]]) -> str:
    buttons = (
        f'<button type="button" data-left="{left}" data-right="{right}" aria-pressed="false">'
        f"{escape(left.capitalize())} | {escape(right)}</button>"
        for left, right in pairs
    )
    alone = " hidden" if len(pairs) == 1 else ""  # there is nothing to choose
    return f'<div class="group" role="group" aria-label="Compare"{alone}>{"".join(buttons)}</div>'
