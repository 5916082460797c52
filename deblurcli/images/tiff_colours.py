"""From the samples of a TIFF page, of whichever kind, to grey or RGB with alpha apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tifffile
from PIL import Image

from deblurcli.errors import InputError
from deblurcli.images.colour import Channels, channels_of, split_alpha, to_8_bits, unbounded_samples
from deblurcli.images.pixels import Pixels

_KINDS = {"f": "floating-point", "i": "signed", "c": "complex"}
_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_UNUSUAL = "a TIFF with an unusual kind of colours; export it as RGB first"
_INK_SET, _OTHER_INKS = 332, 2  # than cyan, magenta, yellow and black
_LEFT_OUT = "its extra channels were left out"


def channels_of_page(page: tifffile.TiffPage, icc: bytes | None) -> Channels:
    """The channels of a page. Raises InputError (without a file name) for kinds that have no sound conversion."""
    samples = _samples(page)
    match page.photometric:
        case tifffile.PHOTOMETRIC.MINISBLACK | tifffile.PHOTOMETRIC.MINISWHITE:
            return _grey_or_rgb(page, samples, icc, 1)
        case tifffile.PHOTOMETRIC.RGB if samples.shape[2] >= 3:
            return _grey_or_rgb(page, samples, icc, 3)
        case tifffile.PHOTOMETRIC.PALETTE if page.colormap is not None:
            return _from_palette(page, samples, page.colormap.T, icc)
        case tifffile.PHOTOMETRIC.YCBCR if page.compression == tifffile.COMPRESSION.JPEG:
            return Channels(*split_alpha(samples[..., :3]), icc)  # the JPEG decoder has made it RGB
        case tifffile.PHOTOMETRIC.SEPARATED if samples.shape[2] >= 4 and page.tags.valueof(_INK_SET) != _OTHER_INKS:
            return _with_mode(page, "CMYK", samples, 4, icc)
        case tifffile.PHOTOMETRIC.CIELAB if samples.dtype == np.uint8 and samples.shape[2] >= 3:
            return _with_mode(page, "LAB", samples, 3, icc)
    raise InputError(_UNUSUAL)


def _samples(page: tifffile.TiffPage) -> Pixels:
    """The samples as stored, (H, W, samples), in the full range of uint8 or uint16, but for those of palettes."""
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise InputError("a TIFF with different bits a channel; export it as 8- or 16-bit RGB first")
    if page.dtype is None or page.dtype.kind not in "ub":
        kind = _KINDS.get(page.dtype.kind, "unusual") if page.dtype else "unusual"
        raise InputError(unbounded_samples(f"{bits}-bit {kind}"))
    if bits > 16:
        raise InputError(unbounded_samples(f"{bits}-bit"))
    samples = page.asarray()
    if page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    if samples.dtype == np.bool_:
        samples = samples.view(np.uint8)
    return samples if page.photometric == tifffile.PHOTOMETRIC.PALETTE else _spread(samples, bits)


def _spread(samples: Pixels, bits: int) -> Pixels:
    """Samples of any number of bits in the full range of 8 or 16."""
    if bits in (8, 16):
        return samples
    most, full = (1 << bits) - 1, 255 if bits < 8 else 65535
    scaled = (samples.astype(np.uint32) * full + most // 2) // most
    return scaled.astype(np.uint8 if bits < 8 else np.uint16)


def _alpha(page: tifffile.TiffPage, samples: Pixels, colours: int) -> tuple[Pixels | None, bool, tuple[str, ...]]:
    """The opacity behind the colours, if one is declared, whether it is multiplied into them, and notes on the rest."""
    count = samples.shape[2] - colours
    kinds = tuple(page.extrasamples)[:count]
    kinds += (tifffile.EXTRASAMPLE.UNSPECIFIED,) * (count - len(kinds))
    at = next((index for index, kind in enumerate(kinds) if kind in _ALPHA), None)
    notes = (_LEFT_OUT,) if count > (at is not None) else ()
    if at is None:
        return None, False, notes
    alpha = np.ascontiguousarray(samples[..., colours + at])
    return alpha, kinds[at] == tifffile.EXTRASAMPLE.ASSOCALPHA, notes


def _grey_or_rgb(page: tifffile.TiffPage, samples: Pixels, icc: bytes | None, colours: int) -> Channels:
    alpha, multiplied, notes = _alpha(page, samples, colours)
    if page.bitspersample < 8:
        notes = (*notes, f"converted from {page.bitspersample}-bit to 8-bit")
    pixels, _ = split_alpha(samples[..., :colours])
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if alpha is not None and multiplied:
        pixels = _unmultiplied(pixels, alpha)
    return Channels(pixels, alpha, icc, notes)


def _from_palette(page: tifffile.TiffPage, samples: Pixels, colours: Pixels, icc: bytes | None) -> Channels:
    pixels = np.ascontiguousarray(_map_of(colours)[samples[..., 0]])
    alpha, multiplied, notes = _alpha(page, samples, 1)
    if alpha is not None:
        alpha = to_8_bits(_spread(alpha, page.bitspersample))
        alpha = alpha if pixels.dtype == np.uint8 else alpha.astype(np.uint16) * 257
        pixels = _unmultiplied(pixels, alpha) if multiplied else pixels
    return Channels(pixels, alpha, icc, ("converted from a palette to RGB", *notes))


def _map_of(colours: Pixels) -> Pixels:
    """A colour map with 8 bits where it says no more. Some writers fill it with values of 8 bits, and some with those
    in the high byte."""
    high, low = colours >> 8, colours & 0xFF
    if colours.max() < 256:
        return colours.astype(np.uint8)
    return high.astype(np.uint8) if not low.any() or (low == high).all() else colours.astype(np.uint16)


def _with_mode(page: tifffile.TiffPage, mode: str, samples: Pixels, colours: int, icc: bytes | None) -> Channels:
    """Inks or L*a*b* as Pillow converts them, with the opacity beside them."""
    alpha, multiplied, notes = _alpha(page, samples, colours)
    inks = samples[..., :colours]
    if alpha is not None and multiplied:
        inks = _unmultiplied(inks, alpha)
    if inks.dtype == np.uint16:
        notes = (*notes, "its 16 bits a channel were rounded to 8 by that")
    inks = to_8_bits(inks)
    height, width = inks.shape[:2]
    channels = channels_of(Image.frombytes(mode, (width, height), inks.tobytes(), "raw", mode), icc)
    return replace(channels, alpha=None if alpha is None else to_8_bits(alpha), notes=(*channels.notes, *notes))


def _unmultiplied(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Undo the multiplication of the colours by the opacity."""
    most = int(np.iinfo(pixels.dtype).max)
    opacity = np.maximum(alpha if pixels.ndim == 2 else alpha[..., None], 1).astype(np.float32) / most
    return np.minimum(np.rint(pixels / opacity), most).astype(pixels.dtype)
