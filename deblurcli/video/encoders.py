"""Which encoder writes a codec, and what it can do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

os.environ.setdefault("SVT_LOG", "1")  # only errors: SVT-AV1 talks on the terminal, past everyone


@dataclass(frozen=True)
class Codec:
    """How a codec is written.

    Attributes:
        encoder: libav's name of it.
        words: what users call the codec.
        quantiser: the option that fixes the quality: "crf", "q" for libav's own encoders, "" for codecs that have none.
        best, worst: values of it for quality 100 and 1.
        usual: value where the source tells none.
        options: of the encoder.
        parameters: the option that takes x264's kind of parameters, if any.
        file: the container in which finished groups of pictures wait.
        reorders: whether frames may be coded in another order than they are shown.
        interlaced: whether a result can say here that its frames are two fields.
        rates: the only frames a second that the encoder knows; times are the container's alone then.
    """

    encoder: str
    words: str
    quantiser: str = ""
    best: float = 0
    worst: float = 0
    usual: float = 0
    options: Mapping[str, str] = field(default_factory=dict)
    parameters: str = ""
    reorders: bool = False
    file: str = "nut"
    interlaced: bool = False
    rates: tuple[Fraction, ...] = ()


_MEDIUM = {"preset": "medium"}
_NTSC = tuple(Fraction(rate * 1000, 1001) for rate in (24, 30, 60))
_BROADCAST = (*(Fraction(rate) for rate in (24, 25, 30, 50, 60)), *_NTSC)
CODECS: dict[str, Codec] = {
    "h264": Codec("libx264", "H.264", "crf", 4, 51, 18, _MEDIUM, "x264-params", True, interlaced=True),
    "hevc": Codec("libx265", "HEVC", "crf", 4, 51, 20, _MEDIUM, "x265-params", True),
    "av1": Codec("libsvtav1", "AV1", "crf", 5, 63, 24, {"preset": "7"}, "svtav1-params", True),
    "vp9": Codec("libvpx-vp9", "VP9", "crf", 4, 63, 24, {"deadline": "good", "cpu-used": "3", "row-mt": "1"}),
    "vp8": Codec("libvpx", "VP8", "crf", 4, 63, 10, {"deadline": "good", "cpu-used": "3"}),
    "mpeg4": Codec("mpeg4", "MPEG-4 ASP", "q", 1, 31, 3, interlaced=True),
    "mpeg2video": Codec("mpeg2video", "MPEG-2", "q", 1, 31, 3, interlaced=True, rates=_BROADCAST),
    "mpeg1video": Codec("mpeg1video", "MPEG-1", "q", 1, 31, 3, rates=_BROADCAST),
    "msmpeg4v3": Codec("msmpeg4", "MS MPEG-4 v3", "q", 1, 31, 3),
    "wmv2": Codec("wmv2", "WMV 8", "q", 1, 31, 3),
    "mjpeg": Codec("mjpeg", "Motion JPEG", "q", 1, 31, 3),
    "prores": Codec("prores_ks", "ProRes", file="mov", interlaced=True),
    "ffv1": Codec("ffv1", "FFV1", options={"level": "3"}, interlaced=True),
    "huffyuv": Codec("huffyuv", "HuffYUV"),
    "utvideo": Codec("utvideo", "Ut Video"),
    "png": Codec("png", "PNG"),
    "rawvideo": Codec("rawvideo", "raw video"),
}
