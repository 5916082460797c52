"""Kinds of samples: libav's pixel formats, as planes of whole samples."""

from __future__ import annotations

from collections.abc import Sequence

import av

from deblurcli.errors import InputError

_CHROMA = {(16, 16): "444", (8, 16): "422", (8, 8): "420", (16, 8): "440", (4, 16): "411", (4, 4): "410"}
_NOT_TAKEN = ("bayer", "xyz", "xv", "v30x", "f16", "f32")


def bits_of(format: av.VideoFormat) -> int:
    """Of the largest sample; at least 8."""
    return max([8, *(component.bits for component in format.components)])


def has_alpha(name: str) -> bool:
    """Whether a name from `planar_name` has a plane of opacity, the last."""
    return name.startswith(("yuva", "gbrap"))


def planar_name(format: av.VideoFormat) -> str:
    """The format of planes, little-endian, that holds the same samples: "yuv420p" for nv12, "gbrp" for bgr24.

    Raises:
        InputError: without a file name, for formats that are not taken: floating point, XYZ, raw sensors.
    """
    name = format.name
    if name.startswith(_NOT_TAKEN) or "f32" in name or "f16" in name or not format.components:
        raise InputError(f"samples of the kind {name}, which are not taken; convert it first")
    bits = bits_of(format)
    depth = "" if bits == 8 else f"{bits}le"
    colours = len(format.components)
    if format.has_palette:
        return "gbrap"
    if format.is_rgb:
        return ("gbrap" if colours == 4 else "gbrp") + depth
    if colours <= 2:
        return "gray" + depth
    chroma = _CHROMA.get((format.chroma_width(16), format.chroma_height(16)))
    if chroma is None:
        raise InputError(f"samples of the kind {name}, which are not taken; convert it first")
    return f"yuv{'a' if colours == 4 else ''}{chroma}p{depth}"


def writable_like(name: str, offered: Sequence[str], full_range: bool) -> str | None:
    """The format in which an encoder takes the planes of `name` without losing anything; None if it has none.

    Args:
        name: from `planar_name`.
        offered: the encoder's formats.
        full_range: whether samples use all values, which some encoders know only from the format's name.
    """
    full = name.replace("yuv", "yuvj", 1)
    if full_range and full in offered:
        return full
    if name in offered:
        return name
    packed = {"gbrp": ("rgb24", "bgr24", "bgr0"), "gbrap": ("rgba", "bgra"), "gbrp16le": ("rgb48be",)}
    packed["gbrap16le"] = ("rgba64be",)
    for one in (*packed.get(name, ()), *_wider(name)):
        if one in offered:
            return one
    return None


def _wider(name: str) -> list[str]:
    """Formats that hold these samples and more, the smallest first: nothing is lost but space."""
    wanted = av.VideoFormat(name)
    alpha, bits = has_alpha(name), bits_of(wanted)
    if wanted.is_rgb:
        stem, chromas = ("gbrap" if alpha else "gbrp"), [""]
    else:
        stem = "yuva" if alpha else "yuv"
        have = "gray" if name.startswith("gray") else name.removeprefix("yuva").removeprefix("yuv")[:3]
        order = {"gray": ["420", "422", "444"], "410": ["420", "422", "444"], "411": ["422", "444"]}
        order |= {"420": ["420", "422", "444"], "422": ["422", "444"], "440": ["440", "444"], "444": ["444"]}
        chromas = [f"{one}p" for one in order[have]]
    depths = [depth for depth in (8, 9, 10, 12, 14, 16) if depth >= bits]
    return [stem + chroma + ("" if depth == 8 else f"{depth}le") for depth in depths for chroma in chromas]


def same_kind(source: str, target: str) -> bool:
    """Whether both are RGB, or both luma and chroma."""
    return source.startswith("gbr") == planar_name(av.VideoFormat(target)).startswith("gbr")
