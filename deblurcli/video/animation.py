"""Animated GIF, WebP, PNG and AVIF: composed frames in, frames that look the same out, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from deblurcli.display import display_name, listed
from deblurcli.errors import InputError, OutputError, UsageError
from deblurcli.images import avif, gif, webp, write_files
from deblurcli.images.decode import quiet_pillow
from deblurcli.images.limits import check_size
from deblurcli.images.photo import Metadata
from deblurcli.images.source import read_path

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

#: Suffixes that are written, and Pillow's name of the format.
FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG", ".avif": "AVIF"}
_GOOD_QUALITY = 90
_HALF = 128  # of opacity: GIF's pixels are there or not


@dataclass(frozen=True)
class AnimationOutcome:
    """What became of an animation. Attributes: as in `VideoOutcome`; `target` is None if it was stopped."""

    target: Path | None
    frames: int
    size: tuple[int, int]
    failed: int
    notes: tuple[str, ...]


def restore_animation(
    source: Path,
    target: Path,
    deblurrer: Deblurrer,
    strength: float = 1.0,
    quality: int | None = None,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
    advance: Callable[[int], None] = lambda frames: None,
) -> AnimationOutcome:
    """Restore every frame of an animation as it is seen, and write it with the same durations, loops and opacity.

    Args:
        source: a GIF, WebP, PNG or AVIF file of several frames.
        target: its suffix decides the format.
        deblurrer: what restores.
        strength: 0 to 1.
        quality: of WebP and AVIF, 1 to 100; None for lossless like a lossless source, else 90.
        overwrite: replace a result that is there.
        stop: asked before each frame whether to end without a result.
        advance: told how many frames are done.

    Raises:
        UsageError: for a suffix that is none of an animation.
        InputError: for damaged files, and for more than 8 bits a sample.
        OutputError: if it cannot be written.
    """
    name = display_name(source)
    format = FORMATS.get(target.suffix.lower())
    if format is None:
        raise UsageError(f"{display_name(target)}: cannot write an animation so; use one of {' '.join(FORMATS)}")
    failed = 0
    try:
        data = read_path(source)
        with quiet_pillow(), Image.open(io.BytesIO(data)) as image:
            _refuse(image, data)
            check_size(image.width, image.height * image.n_frames, 1)
            opaque = _is_opaque(image)
            frames: list[Image.Image] = []
            durations: list[float] = []
            for composed, duration in _composed(image, opaque):
                if stop():
                    return AnimationOutcome(None, len(frames), image.size, failed, ())
                pixels = np.array(composed)
                result = deblurrer.restore(np.ascontiguousarray(pixels[..., :3]), strength)
                failed += result.kept > 0
                pixels[..., :3] = result.pixels
                frames.append(_fitted(Image.fromarray(pixels), format, opaque))
                durations.append(duration)
                advance(len(frames))
            options = {**_options(image, data, format, quality, opaque), "duration": durations}
            size = image.size
    except (InputError, UsageError) as problem:
        raise type(problem)(f"{name}: {problem}") from None
    except (OSError, ValueError, SyntaxError, EOFError) as problem:
        raise InputError(f"{name}: the animation is damaged ({problem}); copy the file again") from None
    file = io.BytesIO()
    try:
        frames[0].save(file, format, save_all=True, append_images=frames[1:], **options)
    except (OSError, ValueError) as problem:
        raise OutputError(f"{display_name(target)}: cannot be written ({problem}); choose another suffix") from problem
    write_files([(file.getvalue(), target)], overwrite=overwrite)
    return AnimationOutcome(target, len(frames), size, failed, _notes(data, file.getvalue(), format))


def _refuse(image: Image.Image, data: bytes) -> None:
    deep = (image.format == "PNG" and data[24] == 16) or (image.format == "AVIF" and avif.bytes_per_pixel(data) > 4)
    if deep:
        raise InputError("an animation of more than 8 bits a sample, which would be lost; save its frames as pictures")


def _is_opaque(image: Image.Image) -> bool:
    """Whether no frame lets anything through."""
    opaque = all(int(np.array(frame)[..., 3].min()) == 255 for frame, _ in _composed(image, False))
    image.seek(0)
    return opaque


def _composed(image: Image.Image, opaque: bool) -> Iterator[tuple[Image.Image, float]]:
    """Every frame as it is seen, and for how many milliseconds."""
    for index in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(index)
        yield image.convert("RGB" if opaque else "RGBA"), image.info.get("duration", 0)


def _fitted(frame: Image.Image, format: str, opaque: bool) -> Image.Image:
    """A frame as the format takes it: of GIF with its own 256 colours, one of them for what lets through."""
    if format != "GIF":
        return frame
    if opaque:
        return frame.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    pixels = np.array(frame)
    hidden = pixels[..., 3] < _HALF
    coloured = Image.fromarray(pixels[..., :3]).quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indices = np.array(coloured)
    indices[hidden] = 255
    result = Image.fromarray(indices, "P")
    palette = coloured.getpalette() or []
    result.putpalette(palette + [0] * (768 - len(palette)))
    result.info["transparency"] = 255
    return result


def _options(image: Image.Image, data: bytes, format: str, quality: int | None, opaque: bool) -> dict[str, Any]:
    info = image.info
    options: dict[str, Any] = {}
    if "loop" in info and format != "AVIF":
        options["loop"] = info["loop"]
    for key in ("icc_profile", "exif", "xmp", "comment"):
        if info.get(key) and key in _HELD[format]:
            options[key] = info[key]
    match format:
        case "GIF":
            # Each frame stands for itself where something shows through.
            options |= {"optimize": False, "disposal": 1} if opaque else {"disposal": 2, "transparency": 255}
        case "PNG":
            options |= {"disposal": 0, "blend": 0, "default_image": bool(info.get("default_image"))}
            texts = PngImagePlugin.PngInfo()
            for key, text in getattr(image, "text", {}).items():
                texts.add_itxt(key, str(text))
            options["pnginfo"] = texts
        case "WEBP":
            lossless = image.format != "AVIF" and (image.format != "WEBP" or webp.is_lossless(data))
            options |= {"lossless": lossless and quality is None, "quality": quality or _GOOD_QUALITY, "exact": True}
            options["background"] = info.get("background", (0, 0, 0, 0)) if image.format == "WEBP" else (0, 0, 0, 0)
        case "AVIF":
            options["quality"] = quality or _GOOD_QUALITY
    return options


_HELD = {
    "GIF": {"comment"},
    "PNG": {"icc_profile", "exif"},
    "WEBP": {"icc_profile", "exif", "xmp"},
    "AVIF": {"icc_profile", "exif", "xmp"},
}
_WORDS = {"icc_profile": "colour profile", "exif": "EXIF", "xmp": "XMP", "comment": "comment"}


def _notes(source: bytes, result: bytes, format: str) -> tuple[str, ...]:
    """What the result, as it is read again, does not hold of its source."""
    notes = ["GIF has 256 colours a frame"] if format == "GIF" else []
    with quiet_pillow(), Image.open(io.BytesIO(source)) as old, Image.open(io.BytesIO(result)) as new:
        missing = [words for key, words in _WORDS.items() if old.info.get(key) and not new.info.get(key)]
        if old.info.get("loop", 0) != new.info.get("loop", 0):
            missing.append("number of loops")
        missing += [f'text "{key}"' for key in getattr(old, "text", {}) if key not in getattr(new, "text", {})]
        if old.format == "GIF":
            missing += gif.described(source, Metadata())[1]
        if old.format == "WEBP":
            missing += webp.parts_beside(source)
    if missing:
        notes.append(f"not in the result: its {listed(missing)}")
    return tuple(notes)
