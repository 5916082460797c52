"""How a video will be restored: everything that is decided, and refused, before the long work."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError, UsageError
from deblurcli.video.clip import Clip, Colour
from deblurcli.video.codecs import Coding, coding_for
from deblurcli.video.colour import understood
from deblurcli.video.encode import Encoder
from deblurcli.video.frames import Span
from deblurcli.video.join import Layout, layout_for
from deblurcli.video.names import WORDS, container_for
from deblurcli.video.pictures import clip_of
from deblurcli.video.probe import probe

USUAL_RATE = Fraction(25)  # of pictures in a folder
_SECONDS = 2.0  # of a group of pictures
_SHORTEST, _LONGEST = 12, 120  # frames of it
_FINEST_GRID = 1000  # frames a second on which AVI, which has no time stamps, may place frames


@dataclass(frozen=True)
class VideoOptions:
    """How a video is done; each as the option of its name.

    Attributes:
        strength: 0 to 1, see `Deblurrer`.
        quality: 1 to 100; None for like the source.
        codec: key of `encoders.CODECS`; None for the source's.
        start, end: in seconds from the first frame.
        only_blurred: leave frames as they are that are sharp already, see `sharpness`.
        overwrite: replace a result that is there.
    """

    strength: float = 1.0
    quality: int | None = None
    codec: str | None = None
    start: float | None = None
    end: float | None = None
    only_blurred: bool = False
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class VideoPlan:
    """What will be made of a clip.

    Attributes:
        clip: the source.
        target: the result.
        span: the part of the clip.
        frames: how many there are in it, by the packets.
        colour: as the samples are read.
        coding: of the pictures.
        layout: of everything else.
        length: of a group of pictures, in frames: the most that a stopped run loses.
        notes: what is known already not to be as in the source.
    """

    clip: Clip
    target: Path
    span: Span
    frames: int
    colour: Colour
    coding: Coding
    layout: Layout
    length: int
    notes: tuple[str, ...]


def plan_video(source: Path, target: Path, options: VideoOptions, rate: Fraction = USUAL_RATE) -> VideoPlan:
    """Look into a video, or a folder of pictures to be shown at a rate, and decide how it is written.

    Raises:
        UsageError: for options that do not fit.
        InputError: for what cannot be read, see `probe`.
        OutputError: for a result that could not be written, or would lose what must not be lost.
    """
    container = container_for(target)
    clip = clip_of(source, rate) if source.is_dir() else probe(source)
    try:
        colour = understood(clip.colour, clip.height, clip.pixel_format)
    except InputError as problem:
        raise InputError(f"{display_name(source)}: {problem}") from None
    span, frames = span_of(clip, options.start, options.end)
    unit, notes = unit_for(clip, container)
    try:
        coding = coding_for(clip, container, options.codec, options.quality, colour, unit)
        try_encoder(clip, coding, colour)
        layout = layout_for(clip, container, span)
    except OutputError as problem:
        raise OutputError(f"{display_name(target)}: {problem}") from None
    lost = tuple(f"not in the result: {name}" for name in clip.left_out)
    told = (*coding.notes, *notes, *layout.notes, *lost)
    return VideoPlan(clip, target, span, frames, colour, coding, layout, group_length(float(clip.rate)), told)


def group_length(rate: float) -> int:
    """How many frames a group of pictures has at a rate."""
    return min(max(round(rate * _SECONDS), _SHORTEST), _LONGEST)


def span_of(clip: Clip, start: float | None, end: float | None) -> tuple[Span, int]:
    """The part between two times, and how many frames are in it.

    Raises:
        UsageError: if there is none.
    """
    for name, value in (("--from", start), ("--to", end)):
        if value is not None and value < 0:
            raise UsageError(f"{name} {value:g}: seconds from the first frame, so 0 or more")
    first = int(clip.times[0])
    span = Span(*(None if value is None else first + round(value / clip.time_base) for value in (start, end)))
    inside = np.ones(len(clip.times), bool)
    if span.start is not None:
        inside &= clip.times >= span.start
    if span.end is not None:
        inside &= clip.times < span.end
    if not inside.any():
        raise UsageError(
            f"{display_name(clip.path)}: no frame between --from and --to; it is {clip.seconds:.2f} s long"
        )
    return span, int(inside.sum())


def unit_for(clip: Clip, container: str) -> tuple[Fraction, list[str]]:
    """The time base of the result's pictures, and notes on what it does not hold."""
    if container == "avi":
        # No time stamps: frames lie on a grid, and others are shown again in its empty places.
        exact = _coarsest(clip)
        if clip.regular:
            return 1 / clip.rate.limit_denominator(60_000), []
        if 1 / exact <= _FINEST_GRID:
            return exact.limit_denominator(60_000), []
        return Fraction(1, _FINEST_GRID), ["its time stamps are rounded to 1/1000 s, as AVI needs a grid"]
    if (
        container in ("matroska", "webm")
        and (clip.time_base * 1000).denominator != 1
        and _coarsest(clip) % Fraction(1, 1000)
    ):
        return clip.time_base, [f"its time stamps are rounded to 1/1000 s, as {WORDS[container]} has them"]
    return clip.time_base, []


def _coarsest(clip: Clip) -> Fraction:
    """The coarsest time base that holds all times of a clip exactly."""
    common = int(np.gcd.reduce(clip.times - clip.times[0])) if len(clip.times) > 1 else 0
    return clip.time_base * (common or 1)


def try_encoder(clip: Clip, coding: Coding, colour: Colour) -> None:
    """Refuse at once what an encoder does not take.

    Raises:
        OutputError: without a file name.
    """
    Encoder(None, clip, coding, colour, 1).leave()
