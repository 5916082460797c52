"""How large a picture is, from its file's header: nothing is decoded."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from deblurcli.images.formats import HEAD_BYTES, identify


def pixels_of(source: Path | bytes) -> int | None:
    """Width times height as the header tells it; None for a file that cannot be read, or tells nothing."""
    size = size_of(source)
    return size[0] * size[1] if size else None


def size_of(source: Path | bytes) -> tuple[int, int] | None:
    """(width, height) as the header tells it; None for a file that cannot be read, or tells nothing.

    A pipe or a device is not touched: what is read from it is gone, and there may be nothing to read yet.
    """
    from PIL import Image

    from deblurcli.images.decode import quiet_pillow
    from deblurcli.images.heif import heif_size

    try:
        if isinstance(source, Path) and not source.is_file():
            return None
        with source.open("rb") if isinstance(source, Path) else BytesIO(source) as file, quiet_pillow():
            format = identify(file.read(HEAD_BYTES))
            file.seek(0)
            if format is None:
                return None
            width, height = heif_size(file) if format == "HEIF" else Image.open(file, formats=[format]).size
    except Exception:  # whatever a damaged header brings about; reading the photo will tell
        return None
    return (width, height) if width and height else None
