"""From whatever a file stores to grey or RGB with alpha apart, and to what a format can hold."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from deblurcli.errors import InputError
from deblurcli.images.photo import Photo
from deblurcli.images.pixels import Pixels

_STRIP = 256  # rows
#: Pillow's modes whose samples become RGB.
CONVERTED = ("CMYK", "LAB", "YCbCr")


@dataclass(frozen=True)
class Channels:
    """Decoded samples: `pixels` and `alpha` as in Photo, the ICC profile that now fits them, and notes."""

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    notes: tuple[str, ...] = ()


def channels_of(image: Image.Image, icc: bytes | None) -> Channels:
    """The channels of an opened Pillow image of any mode.

    Raises InputError (without a file name) for modes that have no sound conversion to 8 or 16 bits.
    """
    mode = image.mode
    if mode in CONVERTED:
        return _converted(image, icc)
    if mode in ("P", "PA"):
        return _from_palette(image, icc)
    if mode == "1":
        return Channels(np.array(image.convert("L")), None, icc, ("converted from black and white to 8-bit grey",))
    if mode.startswith("I;16"):
        return Channels(np.array(image).astype(np.uint16), None, icc)
    if mode in ("I", "F"):
        raise InputError(unbounded_samples("32-bit"))
    if "transparency" in image.info and mode in ("L", "RGB"):
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif mode == "RGBX":
        image = image.convert("RGB")
    samples = np.array(image)
    return Channels(*split_alpha(samples), icc)


def unbounded_samples(kind: str) -> str:
    """The refusal of samples whose black and white points are anybody's guess."""
    return f"{kind} samples have no agreed black and white; export it as a 16-bit TIFF or PNG first"


def split_alpha(samples: Pixels) -> tuple[Pixels, Pixels | None]:
    """(H, W), (H, W, 1..4) samples as (pixels, alpha); two and four channels end in alpha."""
    if samples.ndim == 2:
        return samples, None
    count = samples.shape[2]
    alpha = np.ascontiguousarray(samples[..., -1]) if count in (2, 4) else None
    pixels = samples[..., 0] if count in (1, 2) else samples[..., :3]
    return np.ascontiguousarray(pixels), alpha


def join_alpha(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    """The inverse of `split_alpha`."""
    return np.ascontiguousarray(pixels if alpha is None else np.dstack([pixels, alpha]))


def to_8_bits(samples: Pixels) -> Pixels:
    """uint16 samples rounded to uint8; uint8 samples as they are."""
    if samples.dtype == np.uint8:
        return samples
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def rgb8(photo: Photo) -> Pixels:
    """A photo's pixels as (H, W, 3) uint8 without gaps: grey is repeated, 16 bits are rounded, opacity is left out."""
    pixels = to_8_bits(photo.pixels)
    return np.ascontiguousarray(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3))


def rescaled(samples: Pixels, most: int, wanted: int) -> Pixels:
    """Samples from 0 to `most` as uint16 from 0 to `wanted`, rounded; a strip at a time, so that no wider copy of the
    picture is made."""
    result = np.empty(samples.shape, np.uint16)
    for top in range(0, len(samples), _STRIP):
        strip = slice(top, top + _STRIP)
        result[strip] = (samples[strip].astype(np.uint32) * wanted + most // 2) // most
    return result


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """The picture as it looks on a white page: what viewers show where there is no transparency."""
    white = int(np.iinfo(pixels.dtype).max)
    opacity = (alpha if pixels.ndim == 2 else alpha[..., None]).astype(np.float32) / white
    return np.rint(white - (white - pixels.astype(np.float32)) * opacity).astype(pixels.dtype)


def profile_fits(icc: bytes, *, grey: bool) -> bool:
    """Whether an ICC profile describes grey or RGB samples, whichever the file will hold."""
    return icc[16:20] == (b"GRAY" if grey else b"RGB ")


def _converted(image: Image.Image, icc: bytes | None) -> Channels:
    """CMYK, LAB and YCbCr to RGB, through the embedded profile where there is a usable one."""
    note = f"converted from {image.mode} to RGB"
    if image.mode == "YCbCr":
        return Channels(np.array(image.convert("RGB")), None, icc, (note,))
    srgb = ImageCms.createProfile("sRGB")
    source = ImageCms.createProfile("LAB") if image.mode == "LAB" else _cmyk_profile(icc)
    if source is None:
        # Nobody knows which inks were meant, so this is the arithmetic every viewer falls back on.
        return Channels(np.array(image.convert("RGB")), None, None, (f"{note} without a colour profile",))
    try:
        converted = ImageCms.profileToProfile(
            image,
            source,
            srgb,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError:
        if image.mode == "LAB":
            raise
        return Channels(
            np.array(image.convert("RGB")), None, None, (f"{note} without its colour profile, which is damaged",)
        )
    assert converted is not None  # None is for the in-place variant only
    # The pixels are sRGB now: the source's profile would be a lie, this one says what they are.
    profile = ImageCms.ImageCmsProfile(srgb).tobytes()
    return Channels(np.array(converted), None, profile, (f"{note} (sRGB)",))


def _cmyk_profile(icc: bytes | None) -> ImageCms.ImageCmsProfile | None:
    if icc is None or icc[16:20] != b"CMYK":
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (ImageCms.PyCMSError, OSError):
        return None


def _from_palette(image: Image.Image, icc: bytes | None) -> Channels:
    transparent = image.mode == "PA" or "transparency" in image.info
    pixels, alpha = split_alpha(np.array(image.convert("RGBA" if transparent else "RGB")))
    if (pixels == pixels[..., :1]).all() and not (icc and icc[16:20] == b"RGB "):
        return Channels(np.ascontiguousarray(pixels[..., 0]), alpha, icc, ("converted from a palette to grey",))
    return Channels(pixels, alpha, icc, ("converted from a palette to RGB",))
