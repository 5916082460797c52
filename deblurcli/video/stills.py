"""Frames of a clip as pictures in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError, UsageError
from deblurcli.images import Cicp, Metadata, Photo, write_photo
from deblurcli.video.clip import Clip
from deblurcli.video.colour import Samples, understood
from deblurcli.video.frames import read_frames
from deblurcli.video.plan import VideoOptions, span_of
from deblurcli.video.probe import probe
from deblurcli.video.process import Work, restored

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


@dataclass(frozen=True)
class StillsOutcome:
    """How many pictures were written, were there already, and had the input kept where the network failed."""

    written: int
    skipped: int
    failed: int
    notes: tuple[str, ...]


def write_stills(
    source: Path,
    folder: Path,
    every: int,
    deblurrer: Deblurrer,
    options: VideoOptions,
    stop: Callable[[], bool] = lambda: False,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> StillsOutcome:
    """Restore every so many-th frame and write it as PNG, with 16 bits where the clip has more than 8.

    They are called by their number in the clip, or in the part of it, "000001.png" and so on. Pictures that are there
    already stay, unless they may be replaced: that is how a stopped run goes on. Rotation is applied, as a picture has
    no other.

    Raises:
        DeblurError: for what reading, restoring or writing met.
    """
    clip = probe(source)
    try:
        colour = understood(clip.colour, clip.height, clip.pixel_format)
    except InputError as problem:
        raise InputError(f"{display_name(source)}: {problem}") from None
    span, frames = span_of(clip, options.start, options.end)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--frames {display_name(folder)}: is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{display_name(folder)}: cannot make this folder ({problem.strerror})") from None
    samples = Samples(clip.pixel_format, colour)
    metadata = _metadata(clip)
    written = skipped = failed = 0
    total = -(-frames // every)
    for index, (time, frame) in enumerate(read_frames(clip, span)):
        if index % every:
            continue
        target = folder / f"{index + 1:06}.png"
        if target.exists() and not options.overwrite:
            skipped += 1
        else:
            planar = samples.planar(frame)
            (work,) = restored(
                [Work(time, planar, samples.rgb(planar))], deblurrer, options.strength, bool(clip.fields)
            )
            assert work.after is not None
            write_photo(Photo(_upright(work.after, frame.rotation), None, "PNG", metadata), target, overwrite=True)
            written += 1
            failed += work.kept > 0
        advance(written + skipped, total)
        if stop():
            break
    notes = []
    if clip.aspect not in (None, 1):
        notes.append(f"its pixels are not square ({clip.aspect}): the pictures are as they are stored")
    return StillsOutcome(written, skipped, failed, tuple(notes))


def _metadata(clip: Clip) -> Metadata:
    cicp = Cicp(clip.colour.primaries, clip.colour.transfer, 0)
    return Metadata(cicp=None if cicp.is_srgb else cicp)


def _upright(pixels: np.ndarray, rotation: int) -> np.ndarray:
    """Turned as the clip asks for, in degrees counter-clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, round(rotation / 90) % 4))
