"""From frames to the packets of one group of pictures."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from deblurcli.errors import OutputError
from deblurcli.video.clip import Clip, Colour
from deblurcli.video.codecs import Coding
from deblurcli.video.colour import reformatted
from deblurcli.video.encoders import CODECS
from deblurcli.video.formats import same_kind


class Encoder:
    """Encodes one group of pictures into a file.

    Args:
        path: to write; None only to find out whether the encoder takes the clip.
        clip: whose frames they are.
        coding: how.
        colour: how the samples given are to be understood.
        length: of a full group, in frames.
    """

    def __init__(self, path: Path | None, clip: Clip, coding: Coding, colour: Colour, length: int) -> None:
        self.coding, self.colour = coding, colour
        self.file = av.open(str(path) if path else io.BytesIO(), "w", format=CODECS[coding.codec].file)
        self.times: list[int] = []
        self.shown: list[int] = []  # when the packets are, in the order of decoding
        self.clip = clip
        self._reformatter = VideoReformatter()
        try:
            self.stream = picture_stream(self.file, clip, coding, length)
            self.stream.codec_context.open(strict=False)
        except (av.FFmpegError, ValueError) as problem:
            self.file.close()
            raise OutputError(refusal(clip, coding, problem)) from None
        self._marking = _marking(self.stream.codec_context, coding.fields) if coding.fields else None

    def add(self, frame: av.VideoFrame, time: int) -> None:
        """Encode a planar frame that is shown at `time`, in the clip's time base."""
        frame = self._as_taken(frame)
        context = self.stream.codec_context
        frame.color_range, frame.colorspace = context.color_range, context.colorspace  # ProRes looks nowhere else
        frame.color_primaries, frame.color_trc = context.color_primaries, context.color_trc
        frame.time_base = context.time_base
        if CODECS[self.coding.codec].rates:
            frame.pts = len(self.times)
        elif self.coding.time_base == self.clip.time_base:
            frame.pts = time
        else:
            frame.pts = round(time * self.clip.time_base / self.coding.time_base)
        if self._marking:
            self._marking.push(frame)
            frame = self._marking.vpull()
        frame.pict_type = 0
        if not self.times:
            frame.pict_type = 1  # a key frame
        self.times.append(time)
        self._write(frame)

    def end(self) -> tuple[tuple[int, ...], int]:
        """Write out what waits. Returns the times of the frames, and the depth of `Segment`."""
        self._write(None)
        self.file.close()
        if len(self.shown) != len(self.times):
            raise OutputError(f"{CODECS[self.coding.codec].words}: {len(self.times)} frames became {len(self.shown)}")
        places = {time: place for place, time in enumerate(sorted(self.shown))}
        return tuple(self.times), max(at - places[time] for at, time in enumerate(self.shown))

    def _write(self, frame: av.VideoFrame | None) -> None:
        for packet in self.stream.encode(frame):
            self.shown.append(packet.pts)
            self.file.mux(packet)

    def leave(self) -> None:
        """End without a result."""
        self.file.close()

    def _as_taken(self, frame: av.VideoFrame) -> av.VideoFrame:
        if frame.format.name == self.coding.pixel_format:
            return frame
        alike = same_kind(self.clip.pixel_format, self.coding.pixel_format)
        wanted = self.colour if alike else self.coding.colour
        return reformatted(self._reformatter, frame, self.coding.pixel_format, self.colour, wanted)


def _marking(context: Any, fields: str) -> av.filter.Graph:
    """Marks frames as two fields, for which PyAV has a filter alone."""
    graph = av.filter.Graph()
    frames = graph.add_buffer(
        width=context.width, height=context.height, format=context.format, time_base=context.time_base
    )
    mark, marked = graph.add("setfield", f"{fields[0]}ff"), graph.add("buffersink")
    frames.link_to(mark)
    mark.link_to(marked)
    graph.configure()
    return graph


def picture_stream(file: Any, clip: Clip, coding: Coding, length: int) -> Any:
    """The stream of pictures in a file that is to be written, with all that decides what its encoder does."""
    own = CODECS[coding.codec]
    rate = min(own.rates, key=lambda known: abs(known - clip.rate), default=clip.rate.limit_denominator(60_000))
    stream = file.add_stream(own.encoder, rate=rate, options=dict(coding.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, coding.pixel_format
    stream.time_base = coding.time_base
    context.time_base = 1 / rate if own.rates else coding.time_base
    context.gop_size = length
    if not coding.headers_apart:
        context.flags &= ~Flags.global_header
    if not own.reorders:
        context.max_b_frames = 0
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    context.color_range, context.colorspace = coding.colour.range, coding.colour.matrix
    context.color_primaries, context.color_trc = coding.colour.primaries, coding.colour.transfer
    return stream


def refusal(clip: Clip, coding: Coding, problem: Exception) -> str:
    """Why an encoder does not take a clip, and what may help."""
    own = CODECS[coding.codec]
    odd = clip.width % 2 or clip.height % 2
    if odd and "420" in coding.pixel_format:
        return (
            f"{clip.width} x {clip.height} is odd, and {own.words} in 4:2:0 needs even sides; choose --codec vp9 or "
            "ffv1 and .mkv"
        )
    reason = str(problem).split("\n")[0]
    what = f"{clip.width} x {clip.height}, {coding.pixel_format}"
    return f"{own.words} does not take {what} ({reason}); choose another --codec"


def digest_of(frame: av.VideoFrame) -> str:
    """Of a source frame's samples."""
    digest = hashlib.blake2b(digest_size=12)
    for plane in frame.planes:
        digest.update(bytes(plane))
    return digest.hexdigest()
