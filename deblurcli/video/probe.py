"""Looking into a video file before any work: all packets, and the first frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.sidedata.encparams import VideoEncParams
from av.sidedata.sidedata import Type
from av.stream import Disposition

from deblurcli.display import display_name, listed
from deblurcli.errors import InputError
from deblurcli.images.damage import Damaged
from deblurcli.images.limits import check_size
from deblurcli.video.clip import Clip, Colour, Mastering, Track
from deblurcli.video.formats import bits_of, planar_name
from deblurcli.video.whole import is_cut_short

_LOOKED_AT = 30  # frames that are decoded here
_LONGEST = 10_000_000  # seconds between two frames that no clip has: 115 days
_MISSING_SECONDS, _MISSING_SHARE = 1.0, 0.02  # of what a file announces, before it counts as cut short
_ANIMATIONS = ("gif", "apng")
_BYTES = 24  # a pixel, of a frame in its forms: samples, RGB before and after, of 16 bits


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A file opened for reading.

    Raises:
        InputError: one line, if it is no video that can be read, or the body meets damage.
    """
    name = display_name(path)
    try:
        # Texts in files may be in any encoding.
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except FileNotFoundError:
        raise InputError(f"{name}: no such file; check the name") from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it; check the file's owner and mode") from None
    except (av.FFmpegError, OSError, ValueError) as problem:
        reason = "empty" if path.is_file() and not path.stat().st_size else "damaged, cut short, or no video at all"
        raise InputError(f"{name}: {reason} ({_reason(problem)}); copy the file again") from None
    try:
        with container:
            yield container
    except av.FFmpegError as problem:
        raise InputError(f"{name}: the video data is damaged ({_reason(problem)}); copy the file again") from None


def probe(path: Path) -> Clip:
    """What a video is. Reads the whole file once without decoding it, and decodes the first frames.

    Raises:
        InputError: one line, for what cannot be restored frame by frame: damaged or truncated files, no video stream,
            no frames, time stamps that go back or come twice, sizes and kinds of samples that are not taken.
    """
    try:
        with opened(path) as container:
            return _probed(path, container)
    except Damaged as problem:
        raise InputError(f"{display_name(path)}: the video data is damaged ({problem}); copy the file again") from None
    except InputError as problem:
        text, name = str(problem), display_name(path)
        raise InputError(text if text.startswith(name) else f"{name}: {text}") from None


def looked_into(path: Path) -> Clip:
    """As `probe`, by the header and the first frame alone: times, rate and number of frames are not known then.

    Raises:
        InputError: if it is no video.
    """
    with opened(path) as container:
        stream = _video_stream(container)
        frame, quantiser = _first_frames(path, stream.index, 1)
        return _described(path, container, stream, frame, quantiser, np.zeros(1, np.int64), Fraction(1), True)


def _probed(path: Path, container: Any) -> Clip:
    if is_cut_short(path):
        raise Damaged("its end is missing: it is cut short")
    stream = _video_stream(container)
    check_size(stream.width, stream.height, _BYTES // 5)
    times = _checked_times(_packets(container, stream), stream.time_base)
    frame, quantiser = _first_frames(path, stream.index, _LOOKED_AT)
    if (frame.width, frame.height) != (stream.width, stream.height):
        raise Damaged(f"frames of {frame.width} x {frame.height} where {stream.width} x {stream.height} are announced")
    rate, regular = _rate(stream.average_rate or stream.guessed_rate, times, stream.time_base)
    return _described(path, container, stream, frame, quantiser, times, rate, regular)


def _video_stream(container: Any) -> Any:
    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        kinds = listed(one.type for one in container.streams)
        raise InputError(f"no video stream in it{f', only {kinds}' if kinds else ''}; give a video")
    if streams[0].codec_context is None:
        raise InputError("its video codec is not known; convert it first")
    return streams[0]


def _described(
    path: Path,
    container: Any,
    stream: Any,
    frame: Any,
    quantiser: float | None,
    times: np.ndarray,
    rate: Fraction,
    regular: bool,
) -> Clip:
    context = stream.codec_context
    matrix, mastering, light, others = _side_data(frame)
    pixel_format = planar_name(frame.format)
    if context.codec.canonical_name in _ANIMATIONS and pixel_format == "gbrap":
        pixel_format = "gbrp"  # what shows through is rare, and codecs for viewing have no place for it
        if frame.to_ndarray(format="rgba")[..., 3].min() < 255:
            others = (*others, "its transparency, which is shown on black")
    tracks = tuple(
        Track(one.index, one.type, one.codec_context.codec.canonical_name if one.codec_context else "")
        for one in container.streams
        if one.index != stream.index and not _is_of_chapters(one, container)
    )
    return Clip(
        path=path,
        container=container.format.name,
        stream=stream.index,
        codec=context.codec.canonical_name,
        tag=context.codec_tag,
        profile=context.profile or "",
        width=frame.width,
        height=frame.height,
        pixel_format=pixel_format,
        bits=bits_of(frame.format),
        time_base=stream.time_base,
        times=times,
        rate=rate,
        regular=regular,
        colour=Colour(frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc),
        mastering=mastering,
        light=light,
        aspect=context.sample_aspect_ratio or None,
        display_matrix=matrix,
        fields=_fields(frame, context.field_order),
        quantiser=quantiser,
        tracks=tracks,
        chapters=tuple(container.chapters()),
        metadata=dict(container.metadata),
        stream_metadata=dict(stream.metadata),
        left_out=others,
    )


def _is_of_chapters(stream: Any, container: Any) -> bool:
    """Whether a stream is QuickTime's own of the chapters' titles, which a writer makes anew."""
    return stream.type == "data" and stream.codec_context is None and bool(container.chapters())


def _packets(container: Any, stream: Any) -> np.ndarray:
    """The times of all packets of the stream; refuses a file that is cut short."""
    times, end = [], 0.0
    packets = 0
    dts = "avi" in container.format.name  # which has no other times
    for packet in container.demux():
        if packet.pts is not None and packet.time_base:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index != stream.index:
            continue
        if packet.is_corrupt:
            raise Damaged("a part of it is missing")
        packets += packet.size > 0
        if packet.size and not packet.is_discard:  # which a list of edits leaves out
            times.append(packet.dts if dts or packet.pts is None else packet.pts)
    if not times:
        raise InputError("0 frames in it; copy the file again")
    # AVI counts those too in whose place the one before is shown again.
    there = times[-1] - times[0] + 1 if dts and None not in times else packets
    if stream.frames > 1 and there < stream.frames * (1 - _MISSING_SHARE) - 1:
        raise Damaged(f"{there:,} frames where {stream.frames:,} are announced: it is cut short")
    if container.duration:
        start = max(container.start_time or 0, 0) / 1e6
        announced = container.duration / 1e6 + start
        if announced - end > max(_MISSING_SECONDS, announced * _MISSING_SHARE):
            raise Damaged(f"{end:.1f} s where {announced:.1f} are announced: it is cut short")
    if None in times:
        raise InputError(
            "broken time stamps: some frames have none; copy it into another container first, as with: "
            "ffmpeg -fflags +genpts -i IN -c copy OUT.mkv"
        )
    return np.array(times, np.int64)


def _checked_times(raw: np.ndarray, time_base: Fraction) -> np.ndarray:
    """In order of presentation. Refuses what would be no film."""
    times = np.sort(raw)
    steps = np.diff(times)
    if (steps == 0).any():
        raise InputError(
            f"broken time stamps: {int((steps == 0).sum()):,} frames have that of another; copy it into another "
            "container first, as with: ffmpeg -fflags +genpts -i IN -c copy OUT.mkv"
        )
    if len(steps) and float(int(steps.max()) * time_base) > _LONGEST:
        raise InputError("broken time stamps: months between two frames; copy it into another container first")
    return times


def _rate(told: Fraction | None, times: np.ndarray, time_base: Fraction) -> tuple[Fraction, bool]:
    """The rate, and whether all frames lie on its grid as well as the time base allows."""
    if len(times) == 1:
        return Fraction(told or 25), True
    measured = (len(times) - 1) / (int(times[-1] - times[0]) * time_base)
    for rate in (told, measured.limit_denominator(1001)):
        if rate:
            grid = np.arange(len(times)) / float(rate * time_base) + int(times[0])
            if np.abs(grid - times).max() <= 1:
                return Fraction(rate), True
    return measured.limit_denominator(100_000), False


def _first_frames(path: Path, index: int, count: int) -> tuple[Any, float | None]:
    """The first frame, and the mean quantiser of the first `count`."""
    found: list[float] = []
    first = None
    with opened(path) as container:
        stream = container.streams[index]
        stream.codec_context.options = {"export_side_data": "venc_params"}
        for frame in islice(container.decode(stream), count):
            first = first or frame
            with suppress(ValueError, RuntimeError):  # of another codec, or kind of block
                found += [float(np.mean(one.qp_map())) for one in frame.side_data if isinstance(one, VideoEncParams)]
    if first is None:
        raise Damaged("no frame can be decoded")
    return first, (sum(found) / len(found) if found else None)


def _side_data(frame: Any) -> tuple[tuple[int, ...] | None, Mastering | None, tuple[int, int] | None, tuple[str, ...]]:
    """How the picture is turned, what an HDR film says of its light, and the names of what cannot be kept."""
    matrix, mastering, light, others = None, None, None, []
    for one in frame.side_data:
        try:
            kind = one.type
        except ValueError:
            continue
        if kind is Type.DISPLAYMATRIX:
            matrix = struct.unpack("=9i", bytes(one))
        elif kind is Type.CONTENT_LIGHT_LEVEL:
            light = struct.unpack("=2I", bytes(one)[:8])
        elif kind is Type.MASTERING_DISPLAY_METADATA:
            mastering = _mastering(bytes(one))
        elif kind in _LOST:
            others.append(_LOST[kind])
    return matrix, mastering, light, tuple(others)


_LOST = {
    Type.DOVI_METADATA: "Dolby Vision",
    Type.DOVI_RPU_BUFFER: "Dolby Vision",
    Type.DYNAMIC_HDR_PLUS: "HDR10+",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid",
    Type.A53_CC: "closed captions inside the picture stream",
    Type.STEREO3D: "the arrangement of two eyes' views",
    Type.FILM_GRAIN_PARAMS: "synthetic film grain",
    Type.S12M_TIMECODE: "time codes inside the picture stream",
    Type.SPHERICAL: "the mapping of a spherical picture",
}


def _mastering(data: bytes) -> Mastering | None:
    """libav's AVMasteringDisplayMetadata: ten rationals, then two flags."""
    numbers = struct.unpack("=20i2i", data[:88])
    if not (numbers[20] and numbers[21]) or 0 in numbers[1:20:2]:
        return None
    values = [Fraction(top, bottom) for top, bottom in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    pairs = tuple((values[at], values[at + 1]) for at in (0, 2, 4))
    return Mastering(pairs, (values[6], values[7]), values[8], values[9])


def _fields(frame: Any, order: int) -> str:
    """Of an interlaced film, which field comes first; libav's numbers 2 and 4 are top, 3 and 5 bottom."""
    if not frame.interlaced_frame:
        return ""
    return "bb" if order in (3, 5) else "tt"


def _reason(problem: Exception) -> str:
    return (getattr(problem, "strerror", None) or str(problem)).split("\n")[0]
