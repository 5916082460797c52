"""From finished groups of pictures and the source's other streams to one file."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av

from deblurcli.display import listed
from deblurcli.errors import OutputError
from deblurcli.video.clip import FOLDER, Clip, Track
from deblurcli.video.codecs import Coding
from deblurcli.video.encode import picture_stream
from deblurcli.video.frames import Span
from deblurcli.video.names import WORDS
from deblurcli.video.probe import opened
from deblurcli.video.segments import Segment, packets_of

# What libav tells of the container and not of the film.
_OF_THE_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration"})
_OF_THE_STREAM = frozenset({"encoder", "handler_name", "vendor_id", "duration", "rotate"})
_STATISTICS = ("BPS", "NUMBER_OF_", "_STATISTICS", "DURATION")  # of Matroska writers, about the streams as they were
Numbered = tuple[int, Any]  # the index of a stream in the source, and a packet
_APPLE = "com.apple.quicktime."


@dataclass(frozen=True)
class Layout:
    """What goes into a result beside its pictures.

    Attributes:
        container: libav's name.
        tracks: of the source that are copied.
        origin: what is subtracted from all times, in seconds.
        notes: on what has no place there.
    """

    container: str
    tracks: tuple[Track, ...]
    origin: Fraction
    notes: tuple[str, ...]


def layout_for(clip: Clip, container: str, span: Span) -> Layout:
    """What a container takes of a clip's other streams; each is tried, as libav's tables promise too much."""
    taken: list[Track] = []
    refused: list[Track] = []
    if clip.container == FOLDER:
        return Layout(container, (), (span.start or 0) * clip.time_base, ())
    with opened(clip.path) as source:
        for track in clip.tracks:
            (taken if _takes(container, source.streams[track.index]) else refused).append(track)
        origin = Fraction(0)
        if span.start is not None:
            origin = span.start * clip.time_base
        elif source.format.name.split(",")[0] in ("mpegts", "mpeg") and source.start_time:
            origin = Fraction(source.start_time, 1_000_000)  # these count from wherever the broadcast was
    notes = (
        [f"no place in {WORDS[container]} for its {listed(one.words for one in refused)}: left out"] if refused else []
    )
    return Layout(container, tuple(taken), origin, tuple(notes))


def _takes(container: str, stream: Any) -> bool:
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            if stream.type in ("audio", "subtitle"):
                trial.add_stream_from_template(stream)
            else:  # these stand beside pictures only
                trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (ValueError, av.FFmpegError, NotImplementedError):
        return False
    return True


def join(
    clip: Clip,
    segments: Sequence[Segment],
    temporary: Path,
    layout: Layout,
    coding: Coding,
    span: Span,
    length: int,
) -> None:
    """Write a result's file from its segments; the other streams are copied packet by packet.

    Raises:
        OutputError: without a file name, if it cannot be written.
    """
    options = {"movflags": "+faststart"} if layout.container in ("mp4", "mov") else {}
    if options and any(key.startswith(_APPLE) for key in clip.metadata):
        options["movflags"] += "+use_metadata_tags"
    with (
        opened(clip.path) if layout.tracks else nullcontext() as source,
        _told(),
        av.open(str(temporary), "w", format=layout.container, container_options=options) as file,
    ):
        streams: dict[int, Any] = {}
        for index in sorted([clip.stream, *(track.index for track in layout.tracks)]):  # in the order of the source
            if index == clip.stream:
                streams[index] = _picture_stream(clip, file, layout, coding, length)
            elif source:
                streams[index] = _copy(file, source.streams[index])
        file.metadata.update(described(clip.metadata))
        file.set_chapters(_chapters(clip, layout.origin, span))
        beside: Iterator[Numbered] = iter(())
        if source:
            wanted = [source.streams[track.index] for track in layout.tracks]
            beside = _others(source.demux(wanted), clip, layout, span)
        for index, packet in merged(_pictures(clip, segments, layout), beside):
            packet.stream = streams[index]
            file.mux(packet)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as problem:
        reason = (getattr(problem, "strerror", None) or str(problem)).split("\n")[0]
        raise OutputError(f"cannot be written ({reason}); choose another --output or container") from problem


def _picture_stream(clip: Clip, file: Any, layout: Layout, coding: Coding, length: int) -> Any:
    """The stream with an encoder like the segments', for its headers alone: it gets their packets."""
    stream = picture_stream(file, clip, coding, length)
    if clip.display_matrix:
        stream.set_display_matrix(clip.display_matrix)
    if coding.codec == "hevc" and layout.container in ("mp4", "mov"):
        stream.codec_context.codec_tag = (
            clip.tag if clip.tag in ("hvc1", "hev1") else "hvc1"
        )  # Apple's players ask for it
    _name(stream, clip.stream_metadata)
    return stream


def _copy(file: Any, stream: Any) -> Any:
    copy = file.add_stream_from_template(stream, opaque=True)
    copy.time_base = stream.time_base
    copy.disposition = int(stream.disposition)
    _name(copy, stream.metadata)
    return copy


def described(metadata: dict[str, str]) -> dict[str, str]:
    """What a file's metadata tells of the film, without what it tells of its container."""
    return {key: value for key, value in metadata.items() if key not in _OF_THE_CONTAINER}


def _name(stream: Any, metadata: dict[str, str]) -> None:
    """Language, title and whatever else is told of a stream."""
    stream.metadata.update(
        {key: value for key, value in metadata.items() if key not in _OF_THE_STREAM and not key.startswith(_STATISTICS)}
    )


def _chapters(clip: Clip, origin: Fraction, span: Span) -> list[Any]:
    """The chapters that lie in a span, cut and moved with it."""
    found = []
    begin = span.start * clip.time_base if span.start is not None else None
    end = span.end * clip.time_base if span.end is not None else None
    for chapter in clip.chapters:
        base = chapter["time_base"] or Fraction(1, 1000)
        first, last = chapter["start"] * base, chapter["end"] * base
        first = max(first, begin) if begin is not None else first
        last = min(last, end) if end is not None else last
        if first < last:
            found.append({**chapter, "start": int((first - origin) / base), "end": int((last - origin) / base)})
    return found


def _pictures(clip: Clip, segments: Sequence[Segment], layout: Layout) -> Iterator[Numbered]:
    """The packets of all segments in the order of decoding, with times that fit each other.

    A packet is decoded as many frames before it is shown as the deepest reordering of all segments asks for: in a group
    of its own each would count from its own beginning.
    """
    times = array("q", chain.from_iterable(segment.times for segment in segments))
    depth = max(segment.depth for segment in segments)
    origin = round(layout.origin / clip.time_base)
    step = times[1] - times[0] if len(times) > 1 else round(1 / (clip.rate * clip.time_base)) or 1
    last = max(round(1 / (clip.rate * clip.time_base)), 1)
    count = before = 0
    for segment in segments:
        places = {time: before + at for at, time in enumerate(segment.times)}
        for packet in packets_of(segment):
            shown = packet.pts or 0
            place = places[shown]
            packet.duration = times[place + 1] - times[place] if place + 1 < len(times) else last
            packet.dts = (times[count - depth] if count >= depth else times[0] - (depth - count) * step) - origin
            packet.pts = shown - origin
            packet.time_base = clip.time_base
            count += 1
            yield clip.stream, packet
        before += len(segment.times)


def _others(packets: Iterator[Any], clip: Clip, layout: Layout, span: Span) -> Iterator[Numbered]:
    """The packets of the other streams that lie in a span, moved with it."""
    begin = span.start * clip.time_base if span.start is not None else None
    end = span.end * clip.time_base if span.end is not None else None
    for packet in packets:
        if packet.dts is None and packet.pts is None:
            continue
        if packet.size == 2 and packet.stream.name == "mov_text" and bytes(packet) == b"\0\0":
            continue  # between two texts; the writer fills such gaps itself
        base = packet.time_base
        time = (packet.pts if packet.pts is not None else packet.dts) * base
        if (begin is not None and time < begin) or (end is not None and time >= end):
            continue
        origin = round(layout.origin / base)
        if origin:
            packet.pts = packet.pts - origin if packet.pts is not None else None
            packet.dts = packet.dts - origin if packet.dts is not None else None
        yield packet.stream.index, packet


def merged(*sources: Iterator[Numbered]) -> Iterator[Numbered]:
    """Packets of several sources by the times at which they are decoded; each source keeps its order."""
    heads = {index: packet for index, source in enumerate(sources) if (packet := next(source, None)) is not None}
    while heads:
        index = min(heads, key=lambda at: _seconds(heads[at][1]))
        yield heads.pop(index)
        if (packet := next(sources[index], None)) is not None:
            heads[index] = packet


def _seconds(packet: Any) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction(time) * Fraction(packet.time_base)
