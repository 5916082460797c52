"""The frames of a clip, in order of presentation, with their time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.video.clip import FOLDER, Clip
from deblurcli.video.encode import digest_of
from deblurcli.video.pictures import frames_in
from deblurcli.video.probe import opened


@dataclass(frozen=True)
class Place:
    """A frame that was met before: how many came before it, its time and the digest of its samples."""

    index: int
    time: int
    digest: str


@dataclass(frozen=True)
class Span:
    """A part of a clip, in its time base: frames from `start` on, before `end`."""

    start: int | None = None
    end: int | None = None

    def __contains__(self, time: int) -> bool:
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)


WHOLE = Span()


def read_frames(clip: Clip, span: Span = WHOLE, after: Place | None = None) -> Iterator[tuple[int, av.VideoFrame]]:
    """(time in the clip's time base, frame) of every frame of a span, or of those after a place in it.

    To go on after a place, the file is searched for it; where that leads to other samples than were met there before,
    as with streams that are refreshed bit by bit, everything before is decoded instead. So is all of an AVI file, whose
    frames are known by their number alone: its packets tell when they are decoded, not when they are shown.

    Raises:
        InputError: one line, for damaged data, times that go back, and frames whose size or kind changes.
    """
    if clip.container == FOLDER:
        frames = frames_in(clip)
        if _at_place(frames, after):
            yield from _within(frames, span)
        return
    with opened(clip.path) as container:
        stream = container.streams[clip.stream]
        stream.thread_type = "AUTO"
        wanted = after.time if after else span.start
        if wanted is not None and not _is_counted(clip) and _found(clip, container, stream, wanted, after):
            frames = _checked(clip, container.decode(stream))
            if _at_place(frames, after):
                yield from _within(frames, span)
                return
    if wanted is None:
        yield from _from_the_beginning(clip, span, None)
    else:
        yield from _from_the_beginning(clip, span, after)


def _is_counted(clip: Clip) -> bool:
    return "avi" in clip.container


def _found(clip: Clip, container: Any, stream: Any, wanted: int, after: Place | None) -> bool:
    """Whether seeking leads to a key frame at or before a time, and if there is one, to the place's own samples."""
    try:
        container.seek(wanted, stream=stream, backward=True)
        for time, frame in _checked(clip, container.decode(stream)):
            if time > wanted or (after and time == wanted and digest_of(frame) != after.digest):
                return False
            if time == wanted or not after:
                break
        else:
            return False
        container.seek(wanted, stream=stream, backward=True)
    except (av.FFmpegError, InputError):
        return False
    return True


def _at_place(frames: Iterator[tuple[int, av.VideoFrame]], after: Place | None) -> bool:
    """Read on to a place, so that the next frame is the one after it."""
    return after is None or any(time == after.time for time, _ in frames)


def _from_the_beginning(clip: Clip, span: Span, after: Place | None) -> Iterator[tuple[int, av.VideoFrame]]:
    with opened(clip.path) as container:
        stream = container.streams[clip.stream]
        stream.thread_type = "AUTO"
        frames = _checked(clip, container.decode(stream))
        if not _at_place(frames, after):
            raise InputError(f"{display_name(clip.path)}: has changed since it was begun; start again without --resume")
        yield from _within(frames, span)


def _within(frames: Iterator[tuple[int, av.VideoFrame]], span: Span) -> Iterator[tuple[int, av.VideoFrame]]:
    for time, frame in frames:
        if span.end is not None and time >= span.end:
            return
        if time in span:
            yield time, frame


def _checked(clip: Clip, frames: Iterator[Any]) -> Iterator[tuple[int, av.VideoFrame]]:
    before: int | None = None
    counted = iter(clip.times.tolist()) if _is_counted(clip) else None
    for frame in frames:
        time = next(counted, None) if counted else frame.dts if frame.pts is None else frame.pts
        name = display_name(clip.path)
        if time is None or (before is not None and time <= before):
            raise InputError(
                f"{name}: broken time stamps after {float((before or 0) * clip.time_base):.2f} s; copy it into another "
                "container first, as with: ffmpeg -fflags +genpts -i IN -c copy OUT.mkv"
            )
        if (frame.width, frame.height) != (clip.width, clip.height):
            raise InputError(
                f"{name}: frames of {clip.width} x {clip.height} become {frame.width} x {frame.height} after "
                f"{float(time * clip.time_base):.2f} s; cut it there first"
            )
        if frame.is_corrupt:
            raise InputError(
                f"{name}: the video data is damaged at {float(time * clip.time_base):.2f} s; copy the file again"
            )
        before = time
        yield time, frame
