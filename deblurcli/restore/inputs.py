"""The kinds of images that people have: arrays of several shapes, types and byte orders, and PIL's."""

from __future__ import annotations

import numpy as np
from PIL import Image

from deblurcli.images.colour import CONVERTED, Channels, channels_of

_OF_UNKNOWN_RANGE = ("I", "F")


def check_input(pixels: np.ndarray, strength: float) -> None:
    """Raises TypeError or ValueError for what cannot be restored; see `Deblurrer.restore`."""
    if native(pixels.dtype) not in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
        raise TypeError(f"pixels must be uint8, uint16 or floating point in [0, 1], not {pixels.dtype}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or 0 in pixels.shape:
        raise ValueError(f"pixels must be (H, W) grey or (H, W, 3) RGB, not {pixels.shape}")
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):  # false for NaN too
        raise ValueError("floating-point pixels must lie in [0, 1]")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be 0 to 1, not {strength}")


def native(dtype: np.dtype) -> np.dtype:
    """The same type in the machine's byte order."""
    result: np.dtype = dtype.newbyteorder("=")
    return result


def plain(pixels: np.ndarray) -> np.ndarray:
    """The same values as an ordinary array in the machine's byte order: what PyTorch takes, and what is computed with.

    Memory maps and other kinds of arrays lose their kind, not their memory; only another byte order costs a copy.
    """
    return np.asarray(pixels, dtype=native(pixels.dtype))


def colour_and_alpha(image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Any accepted array -> (H, W) or (H, W, 3) colour, and (H, W, 1) alpha if there is one."""
    if image.ndim != 3:
        return image, None
    if image.shape[2] in (2, 4):
        colour, alpha = image[..., :-1], image[..., -1:]
        return (colour[..., 0] if colour.shape[2] == 1 else colour), alpha
    return (image[..., 0] if image.shape[2] == 1 else image), None


def to_array(image: Image.Image) -> np.ndarray:
    """The pixels of a PIL image as one of the accepted arrays. Raises TypeError for modes whose range is unknown.

    CMYK, LAB and YCbCr become RGB as they do when a file is read: through the image's own colour profile.
    """
    if image.mode in _OF_UNKNOWN_RANGE:
        raise TypeError(f"PIL images of mode {image.mode} say nothing of their range; give an array or mode I;16")
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # in the machine's byte order
    if image.mode in CONVERTED:
        return _converted(image).pixels
    if image.mode in ("La", "RGBa"):  # multiplied by the alpha
        image = image.convert(image.mode.upper())
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return np.asarray(image)


def from_array(pixels: np.ndarray, original: Image.Image) -> Image.Image:
    """A PIL image of restored pixels, with what still holds of the original's information."""
    image = Image.fromarray(pixels)
    image.info = {key: value for key, value in original.info.items() if key != "transparency"}
    if original.mode in CONVERTED:
        image.info.pop("icc_profile", None)
        # A small picture of the same kind tells which profile the whole one has now.
        icc = _converted(original.crop((0, 0, 1, 1)), original.info.get("icc_profile")).icc
        if icc:
            image.info["icc_profile"] = icc
    return image


def _converted(image: Image.Image, icc: bytes | None = None) -> Channels:
    return channels_of(image, icc or image.info.get("icc_profile") or None)
