"""The images of a report: a reader picks one, and wipes between blurry, restored and true image."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from deblurcli.bench.writers.viewed import Viewed
from deblurcli.bench.writers.wording import figure, gain, one_line
from deblurcli.viewer.crops import Crop, lossless, most_changed, thumbnail
from deblurcli.viewer.stage import stage

KINDS = ("blurry", "restored", "truth")
COMPARISONS = (("blurry", "restored"), ("blurry", "truth"), ("restored", "truth"))


def pictures(viewed: Sequence[Viewed]) -> str:
    """The stage with all pictures, of which the page's script shows one at a time, its controls, and the picker."""
    crops = [most_changed(each.blurry, each.restored) for each in viewed]
    both = list(enumerate(zip(viewed, crops, strict=True)))
    layers = [(kind, _images(kind, viewed, crops)) for kind in KINDS]
    captions = "".join(_caption(index, each, crop) for index, (each, crop) in both)
    shown = stage(layers, COMPARISONS, f'<div class="captions" aria-live="polite">{captions}</div>')
    buttons = "".join(_button(index, each, crop) for index, (each, crop) in both)
    return f"""<div class="viewer">
{shown}
<div class="picker" role="group" aria-label="Image">{buttons}</div>
</div>
<noscript><p>The viewer needs JavaScript; everything else on this page does not.</p></noscript>"""


def _images(kind: str, viewed: Sequence[Viewed], crops: Sequence[Crop]) -> str:
    images = []
    for index, (each, crop) in enumerate(zip(viewed, crops, strict=True)):
        pixels: np.ndarray = getattr(each, kind)
        words = {"blurry": "blurry input", "restored": f"restored by {each.method}", "truth": "true image"}
        alt = escape(one_line(f"{each.pair}, {words[kind]}"))
        size = f'width="{crop.width}" height="{crop.height}"'
        data = f'data-picture="{index}" draggable="false" hidden'
        images.append(f'<img {data} {size} alt="{alt}" src="{lossless(crop.of(pixels))}">')
    return "".join(images)


def _caption(index: int, each: Viewed, crop: Crop) -> str:
    height, width = each.blurry.shape[:2]
    shown = f"the whole image, {width}×{height} pixels"
    if (crop.width, crop.height) != (width, height):
        shown = f"{crop.width}×{crop.height} pixels, where most changed, of {width}×{height}"
    figures = f"{_decibels(each.psnr_before)} blurry, {_decibels(each.psnr_after)} restored ({_gain(each)})"
    name = f"<strong>{escape(one_line(each.pair))}</strong>"
    return f'<p data-picture="{index}" hidden>{name}<br>{figures}, of the whole image.<br>Shown: {shown}, lossless.</p>'


def _button(index: int, each: Viewed, crop: Crop) -> str:
    height, width = each.blurry.shape[:2]
    part = f'<rect x="{crop.x}" y="{crop.y}" width="{crop.width}" height="{crop.height}"/>'
    frame = f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">{part}</svg>'
    overview = f'<span class="thumbnail"><img alt="" src="{thumbnail(each.restored)}">{frame}</span>'
    gained = f'<span class="gain">{_gain(each)}</span>'
    words = f'<span class="reason">{each.reason}{gained}</span><span class="name">{escape(one_line(each.pair))}</span>'
    data = f'data-picked="{index}" data-method="{escape(one_line(each.method))}"'
    return f'<button type="button" {data} aria-pressed="false">{overview}<span class="words">{words}</span></button>'


def _decibels(psnr: float) -> str:
    return f"{figure(psnr, '.2f')} dB"


def _gain(each: Viewed) -> str:
    return f"{figure(gain(each.psnr_before, each.psnr_after), '+.2f')} dB".replace("-", "−")
