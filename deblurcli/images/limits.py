"""The largest picture that is decoded."""

from __future__ import annotations

from deblurcli.errors import InputError

#: Far above any camera, and far below what a forged header can claim.
MOST_PIXELS = 1_000_000_000


def check_size(width: int, height: int) -> None:
    """Raise InputError (without a file name) when a header announces more than `MOST_PIXELS`."""
    if width * height > MOST_PIXELS:
        raise InputError(f"{width} x {height} pixels is over the limit of 1000 megapixels; scale it down or crop it")
