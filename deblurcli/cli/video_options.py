"""The options that only videos have, and what their values mean."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import OutputExists
from deblurcli.jobs.plan import MARK
from deblurcli.video.target import refuse_existing

VIDEOS = "Videos"
Codec = Annotated[
    str | None, typer.Option(help="h264, hevc, av1, vp9, ffv1, ... Default: the source's.", rich_help_panel=VIDEOS)
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Begin there: 90, 1:30, 1:02:03.5.", rich_help_panel=VIDEOS)
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End there.", rich_help_panel=VIDEOS)]
Every = Annotated[int | None, typer.Option(min=1, help="With --frames: only each N-th frame.", rich_help_panel=VIDEOS)]
Frames = Annotated[
    Path | None,
    typer.Option(help="Write frames as pictures into this folder.", rich_help_panel=VIDEOS, readable=False),
]
Fps = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="Of a folder of pictures made a video: 25, 30000/1001.", rich_help_panel=VIDEOS),
]
OnlyBlurred = Annotated[
    bool,
    typer.Option("--only-blurred", help="Leave frames that are as sharp as those around them.", rich_help_panel=VIDEOS),
]
Videos = Annotated[
    bool,
    typer.Option(
        "--videos",
        help="In folders also videos, animations and stacks of pages, after the photos.",
        rich_help_panel=VIDEOS,
    ),
]


@dataclass(frozen=True)
class VideoRequest:
    """The options that only videos have."""

    codec: str | None = None
    start: str | None = None
    end: str | None = None
    every: int | None = None
    frames: Path | None = None
    fps: str | None = None
    only_blurred: bool = False

    @property
    def given(self) -> str | None:
        """The first of them that was given."""
        names = ("codec", "from", "to", "every", "frames", "fps", "only-blurred")
        return next((f"--{name}" for name, value in zip(names, vars(self).values(), strict=True) if value), None)


def parse_moment(option: str, text: str | None) -> float | None:
    """Seconds of "90", "1:30" or "1:02:03.5".

    Raises:
        UsageError: for anything else.
    """
    if text is None:
        return None
    parts = text.split(":")
    try:
        values = [float(part) for part in parts]
        if len(parts) > 3 or any(value < 0 or value != value or value > 1e7 for value in values):
            raise ValueError
    except ValueError:
        raise UsageError(f"{option} {display_name(text)}: give seconds, or a time as 1:30 or 1:02:03.5") from None
    seconds = 0.0
    for value in values:
        seconds = seconds * 60 + value
    return seconds


def parse_rate(text: str) -> Fraction:
    """Frames a second.

    Raises:
        UsageError: if it is no number above 0, or too large.
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps {display_name(text)}: give frames a second, as 25 or 30000/1001")
    return rate.limit_denominator(10_000)


def target_beside(source: Path, output: Path | None, suffix: str, overwrite: bool) -> Path:
    """Where a result goes: as for photos, to a file, beside the source, or into a folder with the source's name.

    Raises:
        UsageError: if that is the source.
        InputError: if the result is there already and may not be replaced: there is nothing else to do.
    """
    if output is None:
        target = source.with_name(source.stem + MARK + suffix)
    else:
        target = output / (source.stem + suffix) if output.is_dir() else output
    if target.resolve() == source.resolve():
        raise UsageError(f"{display_name(target)}: is the input; give another --output")
    try:
        refuse_existing(target, overwrite)
    except OutputExists as error:
        raise InputError(str(error)) from None
    return target
