"""Small clips, made with PyAV: moving shapes, a beep, subtitles, chapters and whatever else a test asks for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from deblurcli.video.clip import Colour
from deblurcli.video.colour import FULL, Samples, reformatted, understood
from deblurcli.video.formats import planar_name

RATE = 25
UNTOLD = Colour()
AUDIO = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus", "avi": "mp3"}
SUBTITLES = {"matroska": "subrip", "mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """(height, width, 3) uint8: a disc and a bar that move over a ramp."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 200 // width + 20, y * 200 // height + 20, np.full_like(x, 90)], -1)
    pixels[np.hypot(x - (8 + 2 * number) % width, y - height / 2) < height / 5] = (220, 60, 40)
    pixels[:, (3 * number) % width : (3 * number) % width + 4] = (30, 200, 220)
    return pixels.astype(np.uint8)


def make_clip(
    path: Path,
    format: str = "mp4",
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    frames: int = 30,
    size: tuple[int, int] = (64, 48),
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, RATE),
    colour: Colour = UNTOLD,
    audio: bool = False,
    subtitles: bool = False,
    chapters: bool = False,
    metadata: dict[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    pictures: Sequence[np.ndarray] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        times: of the frames, in `time_base`; by default one after the other.
        colour: tags of the stream, which the samples follow.
        pictures: RGB, in place of the moving shapes.
    """
    width, height = size
    meant = understood(colour, height, planar_name(av.VideoFormat(pixel_format)))
    with av.open(str(path), "w", format=format, container_options=container_options or {}) as file:
        usual = {"libx264": {"crf": "10"}, "libx265": {"crf": "10", "x265-params": "log-level=none"}}.get(codec, {})
        stream = file.add_stream(codec, rate=RATE, options={**usual, **(options or {})})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = stream.codec_context.time_base = time_base
        stream.color_range, stream.colorspace = colour.range, colour.matrix
        stream.color_primaries, stream.color_trc = colour.primaries, colour.transfer
        if aspect:
            stream.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        file.metadata.update(metadata or {})
        beep = _beep_stream(file, format) if audio else None
        texts = _text_stream(file, format) if subtitles else None
        if chapters:
            file.set_chapters(
                [
                    {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
                    {"id": 2, "start": 400, "end": 1200, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
                ]
            )
        times = range(frames) if times is None else times
        shown = pictures or [picture(number, width, height) for number in range(len(times))]
        reformatter = Samples(planar_name(av.VideoFormat(pixel_format)), meant)._to_planes
        for time, pixels in zip(times, shown, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame = reformatted(reformatter, frame, pixel_format, Colour(FULL, meant.matrix), meant)
            frame.pts, frame.time_base = time, time_base
            file.mux(stream.encode(frame))
        if beep is not None:
            _beep(file, beep, float(times[-1] * time_base))
        if texts is not None:
            _texts(file, texts, format)
        file.mux(stream.encode(None))
    return path


def _beep_stream(file, format):
    stream = file.add_stream(AUDIO[format], rate=48000)
    stream.metadata["language"] = "fra"
    return stream


def _beep(file, stream, seconds: float) -> None:
    samples = (np.sin(np.arange(int(48000 * seconds)) * 0.06) * 9000).astype(np.int16)
    resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=48000)
    frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate, frame.pts = 48000, 0
    fifo = av.AudioFifo()
    for part in resampler.resample(frame):
        fifo.write(part)
    size = stream.codec_context.frame_size or 1024
    while (part := fifo.read(size, partial=True)) is not None:
        file.mux(stream.encode(part))
    file.mux(stream.encode(None))


def _text_stream(file, format):
    stream = file.add_mux_stream(SUBTITLES[format], time_base=Fraction(1, 1000))
    stream.metadata["language"] = "deu"
    return stream


def _texts(file, stream, format) -> None:
    for start, text in ((100, b"one"), (600, b"two")):
        data = len(text).to_bytes(2, "big") + text if SUBTITLES[format] == "mov_text" else text
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = 300
        packet.is_keyframe = True
        file.mux(packet)


def frames_of(path: Path) -> list[tuple[Fraction, av.VideoFrame]]:
    """(seconds, frame) of all frames."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return [
            ((frame.dts if "avi" in file.format.name else frame.pts) * stream.time_base, frame)
            for frame in file.decode(stream)
        ]


def packets_of(path: Path, kind: str) -> list[tuple[float, bytes]]:
    """(seconds, content) of all packets of the streams of a kind."""
    with av.open(str(path)) as file:
        return [
            (round(float(packet.pts * packet.time_base), 3), bytes(packet))
            for packet in file.demux()
            if packet.size and packet.stream.type == kind and packet.pts is not None
        ]
