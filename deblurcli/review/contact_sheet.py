"""A contact sheet: what each model makes of one part of a photo at several strengths, so that a person can choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from deblurcli.errors import DeblurError
from deblurcli.images import Metadata, Photo
from deblurcli.images.colour import rgb8
from deblurcli.review.looks import profile
from deblurcli.viewer.crops import Crop, most_changed

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

SIDE = 512  # of the part that is tried
MARGIN = 64  # restored around it, as the photo goes on there
WARM_UP = 64  # pixels a side, before anything is timed
STRENGTHS = (0.4, 0.7, 1.0)
SOFTNESS = 4  # radius in pixels of the blur that tells where a photo has much to lose
GAP, LABEL, TEXT = 12, 40, 22  # in pixels
GROUND, INK = (24, 27, 30), (238, 240, 241)


@dataclass(frozen=True)
class Tried:
    """What came of a model.

    Attributes:
        model: its name or file.
        seconds: that the whole photo would take, from the time that the part took; None if it failed.
        problem: why it failed.
    """

    model: str
    seconds: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Sheet:
    """The picture, what stands in it, and which part of the photo it shows."""

    picture: Photo
    tried: list[Tried]
    part: Crop


def make_sheet(
    photo: Photo,
    models: Sequence[str | Path],
    device: str = "auto",
    precision: str = "auto",
    strengths: Sequence[float] = STRENGTHS,
    advance: Callable[[str], None] = lambda model: None,
) -> Sheet:
    """Try models on the most telling part of a photo, 512x512 pixels or as far as it goes.

    Args:
        photo: to try on.
        models: names or files; a row each. One that cannot be loaded or fails is left out, and `tried` says why.
        device, precision: as for `Deblurrer`.
        strengths: 0 to 1; a column each, after that of the photo as it is.
        advance: told each model before its turn.

    Raises:
        DeblurError: if not one of the models works.
    """
    from deblurcli.restore.deblurrer import Deblurrer

    pixels = rgb8(photo)
    part = telling_part(pixels)
    before = part.of(pixels)
    rows: list[tuple[Tried, np.ndarray]] = []
    tried: list[Tried] = []
    for model in map(str, models):
        advance(model)
        try:
            deblurrer = Deblurrer(model, device, precision)
        except DeblurError as problem:
            tried.append(Tried(model, problem=str(problem)))
            continue
        after, pace = _restored(deblurrer, pixels, part)
        tried.append(Tried(model, pace * pixels.shape[0] * pixels.shape[1]))
        rows.append((tried[-1], after))
    if not rows:
        raise DeblurError(
            tried[0].problem if tried and tried[0].problem else "no model is here; see deblur weights list"
        )
    tiles = [
        [
            ("before", before),
            *((_label(one, strength), _blend(before, after, strength)) for strength in strengths),
        ]
        for one, after in rows
    ]
    metadata = Metadata(icc=profile(photo))
    return Sheet(replace(photo, pixels=_drawn(tiles), alpha=None, metadata=metadata, notes=(), parts=()), tried, part)


def telling_part(pixels: np.ndarray) -> Crop:
    """Where there is most to be seen in an (H, W, 3) uint8 picture: where softening it changes it most."""
    soft = np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(SOFTNESS)))
    return most_changed(pixels, soft, SIDE, SIDE)


def _restored(deblurrer: Deblurrer, pixels: np.ndarray, part: Crop) -> tuple[np.ndarray, float]:
    """The part at full strength, and seconds a pixel."""
    top, left = max(part.y - MARGIN, 0), max(part.x - MARGIN, 0)
    around = pixels[top : part.y + part.height + MARGIN, left : part.x + part.width + MARGIN]
    deblurrer.restore(np.ascontiguousarray(around[:WARM_UP, :WARM_UP]))
    started = time.perf_counter()
    restored = deblurrer.restore(np.ascontiguousarray(around)).pixels
    seconds = time.perf_counter() - started
    inside = replace(part, x=part.x - left, y=part.y - top)
    return inside.of(restored), seconds / (around.shape[0] * around.shape[1])


def _blend(before: np.ndarray, after: np.ndarray, strength: float) -> np.ndarray:
    """As `Deblurrer` does it for a strength."""
    mixed: np.ndarray = np.rint(before + strength * (after.astype(np.float32) - before)).astype(np.uint8)
    return mixed


def _label(one: Tried, strength: float) -> str:
    return f"{Path(one.model).name}, strength {strength:g}, about {one.seconds:.0f} s"


def _drawn(tiles: Sequence[Sequence[tuple[str, np.ndarray]]]) -> np.ndarray:
    """The sheet's pixels: rows of tiles, each under its label."""
    high, wide = tiles[0][0][1].shape[:2]
    wide_tile, high_tile = max(wide, SIDE // 2) + GAP, high + LABEL + GAP
    sheet = Image.new("RGB", (len(tiles[0]) * wide_tile + GAP, len(tiles) * high_tile + GAP), GROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT)
    for row, line in enumerate(tiles):
        for column, (label, pixels) in enumerate(line):
            x, y = GAP + column * wide_tile, GAP + row * high_tile
            draw.text((x, y + 6), label, INK, font)
            sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (x, y + LABEL))
    return np.array(sheet)
