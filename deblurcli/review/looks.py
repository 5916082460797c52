"""What a page shows of a photo and its result: how much changed, and where most; and both as files for a browser."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.images import Photo, read_photo
from deblurcli.images.colour import rgb8
from deblurcli.images.formats import HEAD_BYTES, identify
from deblurcli.jobs.process import mean_change
from deblurcli.review.pairs import Pair
from deblurcli.viewer.crops import CROP_HEIGHT, CROP_WIDTH, THUMBNAIL, Crop, most_changed, small, webp

QUALITY = 90  # of the parts in a page; what it costs is far below what deblurring changes
SHOWN_BY_BROWSERS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}


@dataclass(frozen=True)
class Measured:
    """Of a pair.

    Attributes:
        width, height: of the photo in pixels.
        change: mean absolute difference between before and after, in 8-bit levels.
        part: where they differ most.
    """

    width: int
    height: int
    change: float
    part: Crop


@dataclass(frozen=True)
class Look:
    """Of a pair, with WebP files for a page: the whole result, small, and the part of before and after at 100 %."""

    measured: Measured
    thumbnail: bytes
    before: bytes
    after: bytes


def measure(pair: Pair) -> Measured:
    """Read both photos and compare them.

    Raises:
        InputError: if one cannot be read, or they differ in size.
    """
    before, after = _read(pair)
    return _measured(rgb8(before), rgb8(after), CROP_WIDTH, CROP_HEIGHT)


def look_at(pair: Pair, wide: int, high: int) -> Look:
    """Read both photos, and cut out where they differ most: `wide` x `high` pixels, or as far as they go.

    Raises:
        InputError: if one cannot be read, or they differ in size.
    """
    before, after = _read(pair)
    pixels_before, pixels_after = rgb8(before), rgb8(after)
    measured = _measured(pixels_before, pixels_after, wide, high)
    part = measured.part
    return Look(
        measured,
        small(pixels_after, profile(after)),
        webp(part.of(pixels_before), profile(before), quality=QUALITY, method=2),
        webp(part.of(pixels_after), profile(after), quality=QUALITY, method=2),
    )


def thumbnail_of(path: Path) -> bytes:
    """A photo as a small WebP file.

    Raises:
        InputError: if it cannot be read.
    """
    return _thumbnail_of_jpeg(path) or _thumbnail_of_any(path)


def _thumbnail_of_any(path: Path) -> bytes:
    photo = read_photo(path)
    return small(rgb8(photo), profile(photo))


def _thumbnail_of_jpeg(path: Path) -> bytes | None:
    """The same for a JPEG without decoding all of it; None for all else, and where anything is odd."""
    from PIL import Image, ImageOps

    from deblurcli.images.decode import quiet_pillow

    try:
        with quiet_pillow(), Image.open(path, formats=["JPEG"]) as picture:
            picture.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
            if picture.mode != "RGB":
                return None
            return small(np.asarray(ImageOps.exif_transpose(picture)), picture.info.get("icc_profile"))
    except Exception:  # whatever a damaged file brings about; reading it will tell
        return None


def for_browser(path: Path) -> tuple[str, bytes]:
    """A photo as a file that browsers show, and its media type: as it is, or what they cannot show as PNG.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{display_name(path)}: cannot be read ({error.strerror})") from None
    kind = SHOWN_BY_BROWSERS.get(identify(data[:HEAD_BYTES]) or "")
    if kind:
        return kind, data
    from PIL import Image

    photo = read_photo(data, path.name)
    file = io.BytesIO()
    Image.fromarray(rgb8(photo)).save(file, "PNG", compress_level=1, icc_profile=profile(photo))
    return "image/png", file.getvalue()


def profile(photo: Photo) -> bytes | None:
    """The colour profile of `rgb8`: that of a grey photo does not fit it."""
    return photo.metadata.icc if photo.pixels.ndim == 3 else None


def _read(pair: Pair) -> tuple[Photo, Photo]:
    before, after = read_photo(pair.before), read_photo(pair.after)
    if before.pixels.shape[:2] != after.pixels.shape[:2]:
        raise InputError(f"{display_name(pair.after)}: not of the size of {display_name(pair.before)}")
    return before, after


def _measured(before: np.ndarray, after: np.ndarray, wide: int, high: int) -> Measured:
    height, width = before.shape[:2]
    return Measured(width, height, mean_change(before, after), most_changed(before, after, wide, high))
