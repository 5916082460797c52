"""How well a codec is written for a clip, and what it cannot hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import av

from deblurcli.errors import OutputError, UsageError
from deblurcli.video.clip import Clip, Colour, Mastering
from deblurcli.video.colour import FULL, LIMITED, understood
from deblurcli.video.encoders import CODECS, Codec
from deblurcli.video.formats import bits_of, same_kind, writable_like
from deblurcli.video.names import WORDS

#: What a container gets where the source's own codec cannot be written or has no place in it.
IN_PLACE = {"mp4": "h264", "mov": "h264", "matroska": "h264", "webm": "vp9", "avi": "mpeg4"}
_INSTEAD = ("hevc", "av1", "ffv1")  # where that holds fewer bits
#: The quantiser that restored detail needs: a coarser source's is not followed.
_COARSEST = {"h264": 23.0, "q": 5.0}
_FINEST = {"h264": 12.0, "q": 1.0}
_PRORES = {"apco": "0", "apcs": "1", "apcn": "2", "apch": "3", "ap4h": "4", "ap4x": "5"}
_WOVEN = {"tt": "tb", "bb": "bt"}  # libav's names where both fields are in one frame, row by row
_LARGEST_DENOMINATOR = 65535  # of the time base of libav's MPEG encoders


@dataclass(frozen=True)
class Coding:
    """How one result's pictures are coded.

    Attributes:
        codec: key of `CODECS`.
        pixel_format: in which the encoder takes them.
        colour: as the result says of its samples.
        quantiser: of the encoder's own scale; None where it has none.
        options: of the encoder, all of them.
        time_base: of its time stamps.
        headers_apart: whether the container keeps what a decoder must know first, rather than every group of pictures.
        fields: "" for whole frames, else which of two fields is shown first, "tt" or "bb".
        notes: what is not as in the source.
    """

    codec: str
    pixel_format: str
    colour: Colour
    quantiser: float | None
    options: Mapping[str, str]
    time_base: Fraction
    headers_apart: bool
    fields: str = ""
    notes: tuple[str, ...] = ()


def coding_for(
    clip: Clip, container: str, codec: str | None, quality: int | None, colour: Colour, unit: Fraction
) -> Coding:
    """How a clip is written: like its source, where that can be.

    Args:
        clip: the source.
        container: to write into.
        codec: the user's choice; None for the source's own.
        quality: the user's choice, 1 to 100; None for like the source.
        colour: as the samples are read.
        unit: the time base.

    Raises:
        UsageError: for a codec that is not known.
        OutputError: without a file name, for what cannot be written without loss: bits, HDR, a codec in a container.
    """
    if codec is not None and codec not in CODECS:
        raise UsageError(f"--codec {codec}: not one that is written; known: {', '.join(CODECS)}")
    full = colour.range == FULL
    notes: list[str] = []
    found: str | None = None
    chosen = codec or clip.codec
    if codec is not None:
        found = _pixel_format(clip, codec, container, full)
    else:
        problem = f"its codec ({clip.codec}) is not written"
        if not clip.codec:
            problem = f"no codec of {WORDS[container]} holds pictures of {clip.bits} bits"
        for chosen in dict.fromkeys((clip.codec, IN_PLACE[container], *_INSTEAD)):
            if chosen not in CODECS:
                continue
            try:
                found = _pixel_format(clip, chosen, container, full)
            except OutputError as refused:
                problem = problem if chosen != clip.codec else str(refused).split(";")[0]
                continue
            break
        if found is None:
            raise OutputError(f"{problem}; choose .mkv, which takes every codec")
        if chosen != clip.codec and clip.codec:
            notes.append(f"{problem}: written as {CODECS[chosen].words}")
        elif chosen not in (clip.codec, IN_PLACE[container]):
            notes.append(f"written as {CODECS[chosen].words}, which holds {clip.bits} bits; few players show it")
    assert found is not None
    own, pixel_format = CODECS[chosen], found
    written = replace(clip.colour, range=clip.colour.range if clip.pixel_format.startswith("gbr") else colour.range)
    if not same_kind(clip.pixel_format, pixel_format):
        written = replace(understood(replace(clip.colour, matrix=2), clip.height, pixel_format), range=LIMITED)
        notes.append(f"its RGB samples become luma and chroma ({pixel_format}), as {own.words} has them")
    quantiser = _quantiser(clip, chosen, quality)
    if quality is not None and not own.quantiser:
        notes.append(f"--quality has no meaning for {own.words}")
    options = {**own.options}
    if own.quantiser == "crf":
        options["crf"] = f"{quantiser:g}"
    if own.quantiser == "q":
        options |= {"qmin": f"{quantiser:g}", "qmax": f"{quantiser:g}", "b": "200M", "maxrate": "0"}
    if chosen == "vp9":
        options |= {"b": "0", "auto-alt-ref": "0" if "yuva" in pixel_format else "1"}
    if chosen == "vp8":
        options |= {"b": "200M", "auto-alt-ref": "0"}
    if chosen == "prores" and clip.tag in _PRORES:
        options["profile"] = _PRORES[clip.tag]
    if chosen == "mjpeg" and colour.range != FULL:
        options["strict"] = "unofficial"
    # H.264 codes such frames in pairs of rows of blocks.
    fields = clip.fields if own.interlaced and not (chosen == "h264" and clip.height % 4) else ""
    if fields:
        options |= {"flags": "+ildct+ilme", "field_order": _WOVEN[fields]}
    parameters = _parameters(clip, chosen, fields)
    if own.parameters and parameters:
        options[own.parameters] = parameters
    if clip.colour.is_hdr and clip.mastering and chosen not in ("hevc", "av1", "h264"):
        notes.append(f"its HDR mastering data has no place in {own.words} here: left out")
    time_base = unit
    if own.quantiser == "q" and not own.rates and unit.denominator > _LARGEST_DENOMINATOR:
        time_base = Fraction(1, 60_000)
        notes.append("its time stamps are rounded to 1/60000 s")
    apart = container != "avi"
    return Coding(chosen, pixel_format, written, quantiser, options, time_base, apart, fields, tuple(notes))


def _pixel_format(clip: Clip, codec: str, container: str, full: bool) -> str:
    """In which samples a codec holds a clip's.

    Raises:
        OutputError: if it has no place in the container, or holds fewer bits or colours.
    """
    own = CODECS[codec]
    if not _has_place(container, codec):
        raise OutputError(f"{own.words} has no place in {WORDS[container]}; choose another --codec or suffix")
    offered = _formats_of(own)
    found = writable_like(clip.pixel_format, offered, full)
    if found is None and clip.pixel_format == "gbrp":
        # Codecs for viewing have no RGB, and few players take chroma of full resolution.
        odd = clip.width % 2 or clip.height % 2
        found = writable_like("yuv444p" if odd and "yuv444p" in offered else "yuv420p", offered, False)
    if found is None or bits_of(av.VideoFormat(found)) < clip.bits:
        raise OutputError(
            f"{own.words} does not hold its samples ({clip.pixel_format}, {clip.bits} bits) here; choose another "
            "--codec, such as ffv1 in .mkv, which holds all"
        )
    return found


def quality_range(codec: Codec, quality: int) -> float:
    """The quantiser for a quality of 1 to 100."""
    return round(codec.best + (codec.worst - codec.best) * (100 - quality) / 99, 1)


def _quantiser(clip: Clip, codec: str, quality: int | None) -> float | None:
    own = CODECS[codec]
    if not own.quantiser:
        return None
    if quality is not None:
        value = quality_range(own, quality)
    else:
        value = own.usual
        scale = "q" if own.quantiser == "q" else codec
        comparable = clip.codec == codec or (
            scale == "q" and clip.codec in CODECS and CODECS[clip.codec].quantiser == "q"
        )
        if clip.quantiser is not None and comparable and scale in _COARSEST:
            told = clip.quantiser / 2 if scale == "q" else clip.quantiser  # libav gives the MPEG codecs' doubled
            value = min(max(told, _FINEST[scale]), _COARSEST[scale])
    return float(round(value)) if own.quantiser == "q" or codec in ("av1", "vp9", "vp8") else round(value, 1)


def _formats_of(codec: Codec) -> list[str]:
    formats = av.Codec(codec.encoder, "w").video_formats
    if formats is None:  # takes all
        return [
            codec.encoder,
            *(f"yuv{one}p{deep}" for one in ("420", "422", "444", "410", "411", "440") for deep in _DEEP),
            "gray",
            "rgb24",
            "rgba",
        ]
    return [format.name for format in formats]


_DEEP = ("", "10le", "12le", "16le")


def _has_place(container: str, codec: str) -> bool:
    """Whether a container takes a codec, by libav."""
    import io

    try:
        with av.open(io.BytesIO(), "w", format=container) as file:
            file.add_mux_stream(CODECS[codec].encoder)
            return True
    except ValueError:
        return False


def _parameters(clip: Clip, codec: str, fields: str) -> str:
    """Of x264, x265 and SVT-AV1: groups of pictures that stand alone, and what an HDR film says of its light."""
    pieces: list[str] = []
    if codec == "h264":
        pieces = ["open-gop=0", "mbtree=0"]  # mbtree gives other packets from run to run
        pieces += [f"{fields[0]}ff=1"] if fields else []
    if codec == "hevc":
        pieces = ["log-level=none", "open-gop=0"]
    mastering, light = clip.mastering, clip.light
    if codec == "hevc" and clip.colour.is_hdr:
        pieces += ["hdr10=1", "repeat-headers=1"]
    if mastering and codec in ("h264", "hevc"):
        key = "mastering-display" if codec == "h264" else "master-display"
        pieces.append(f"{key}={_in_units(mastering)}")
    if light and codec in ("h264", "hevc"):
        pieces.append(f"{'cll' if codec == 'h264' else 'max-cll'}={light[0]},{light[1]}")
    if mastering and codec == "av1":
        pieces.append(f"mastering-display={_in_decimals(mastering)}")
    if light and codec == "av1":
        pieces.append(f"content-light={light[0]},{light[1]}")
    return ":".join(pieces)


def _in_units(mastering: Mastering) -> str:
    """As x264 and x265 take it: green, blue, red, in steps of 1/50000 and 1/10000."""
    red, green, blue = ((round(x * 50_000), round(y * 50_000)) for x, y in mastering.primaries)
    white = (round(mastering.white[0] * 50_000), round(mastering.white[1] * 50_000))
    light = (round(mastering.brightest * 10_000), round(mastering.darkest * 10_000))
    named = zip("GBR", (green, blue, red), strict=True)
    return "".join(f"{name}({x},{y})" for name, (x, y) in (*named, ("WP", white), ("L", light)))


def _in_decimals(mastering: Mastering) -> str:
    red, green, blue = mastering.primaries
    pairs = (
        ("G", green),
        ("B", blue),
        ("R", red),
        ("WP", mastering.white),
        ("L", (mastering.brightest, mastering.darkest)),
    )
    return "".join(f"{name}({float(x):.4f},{float(y):.4f})" for name, (x, y) in pairs)
