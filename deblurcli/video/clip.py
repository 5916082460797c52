"""What a video is: plain data, as `probe` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "pictures"  # in place of a container's name


@dataclass(frozen=True)
class Colour:
    """How the samples stand for colours: code points of ITU-T H.273 as libav has them; 2 (of the range 0) is "nobody
    says".

    Attributes:
        range: 1 for limited ("TV"), 2 for full ("PC").
        matrix: from red, green, blue to luma and chroma: 0 for RGB itself, 1 BT.709, 5 and 6 BT.601, 9 BT.2020.
        primaries, transfer: 16 is PQ and 18 is HLG.
    """

    range: int = 0
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (16, 18)


@dataclass(frozen=True)
class Mastering:
    """The display that an HDR film was graded on, SMPTE ST 2086: chromaticities of red, green, blue and white as
    (x, y), luminances in candela per square metre."""

    primaries: tuple[tuple[Fraction, Fraction], ...]
    white: tuple[Fraction, Fraction]
    darkest: Fraction
    brightest: Fraction


@dataclass(frozen=True)
class Track:
    """Another stream of the file, which is copied.

    Attributes:
        index: of the stream in the file.
        kind: "audio", "subtitle", "data", "attachment" or "video".
        codec: libav's name of it, or "" for what it does not know.
    """

    index: int
    kind: str
    codec: str

    @property
    def words(self) -> str:
        return f"{self.kind} stream {self.index} ({self.codec or 'of an unknown kind'})"


@dataclass(frozen=True, eq=False)
class Clip:
    """A video file: what `probe` found by reading all packets and decoding the first frames.

    Attributes:
        path: of the file.
        container: libav's name, "mov,mp4,m4a,3gp,3g2,mj2".
        stream: index of the video stream that is restored.
        codec, tag, profile: of that stream: "h264", "avc1", "High".
        width, height: in pixels, as stored: rotation is not applied.
        pixel_format: libav's name, "yuv420p10le".
        bits: of a sample.
        time_base: unit of all times of the stream, in seconds.
        times: int64, of every packet in order of presentation; those of frames are among them.
        rate: frames a second, on average.
        regular: whether all frames lie on a grid of that rate, to the time base.
        colour, mastering, light: colours as the stream says; the last two for HDR only, where `light` is (MaxCLL,
            MaxFALL).
        aspect: of a sample, width to height; None if nobody says.
        display_matrix: the nine numbers that turn the picture, row by row; None for one that is upright.
        fields: "" for whole frames, else "tt", "bb" as libav names the order of interlaced fields.
        quantiser: mean of the first frames, on the scale of the codec; None where the decoder does not tell.
        tracks: the other streams.
        chapters: as PyAV gives them.
        metadata: of the file.
        stream_metadata: of the stream.
        left_out: names of what is known already to have no place in any result.
    """

    path: Path
    container: str
    stream: int
    codec: str
    tag: str
    profile: str
    width: int
    height: int
    pixel_format: str
    bits: int
    time_base: Fraction
    times: np.ndarray
    rate: Fraction
    regular: bool
    colour: Colour
    mastering: Mastering | None
    light: tuple[int, int] | None
    aspect: Fraction | None
    display_matrix: tuple[int, ...] | None
    fields: str
    quantiser: float | None
    tracks: tuple[Track, ...]
    chapters: tuple[Any, ...]
    metadata: dict[str, str]
    stream_metadata: dict[str, str]
    left_out: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many there are by the packets; decoding may give some less."""
        return len(self.times)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float((int(self.times[-1]) - int(self.times[0])) * self.time_base + 1 / self.rate)

    @property
    def words(self) -> str:
        rate = f"{float(self.rate):.3f}".rstrip("0").rstrip(".")
        what = f"{self.codec or 'pictures of'} {self.bits} bit"
        return f"{self.width}x{self.height}, {self.frames:,} frames at {rate} a second, {what}"
