"""What a format can hold, and whether it can be written here: known before the work, not found out after it."""

from __future__ import annotations

from importlib.util import find_spec

from deblurcli.errors import OutputError

_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536, "HEIF": 32767}
_LARGEST_ELSEWHERE = 2**31 - 1


def fits(format: str, width: int, height: int) -> bool:
    """Whether a format has room for so many columns and rows."""
    return max(width, height) <= _LARGEST_SIDE.get(format, _LARGEST_ELSEWHERE)


def refuse_impossible(format: str, width: int, height: int) -> None:
    """Refuse a result that its format cannot hold, or for which an encoder is missing.

    Raises OutputError without a file name.
    """
    if not fits(format, width, height):
        raise OutputError(f"{width} x {height} pixels is more than {format} can hold; write PNG or TIFF instead")
    if format == "HEIF" and find_spec("pillow_heif") is None:
        raise OutputError('HEIC needs an extra package; install it with: pip install "deblurcli[heif]"')
    if format in ("AVIF", "WEBP"):
        from PIL import features

        if not features.check(format.lower()):
            raise OutputError(
                f"this Pillow is built without {format}; write PNG or JPEG, or run: pip install -U pillow"
            )
