"""How many pictures a file holds that is no video."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from deblurcli.images.decode import quiet_pillow
from deblurcli.images.formats import identify
from deblurcli.video.animation import FORMATS
from deblurcli.video.pages import pages_in


def frames_of(path: Path) -> int:
    """How many frames an animation has, or pages a TIFF file; 1 for any other picture and for what cannot be read."""
    try:
        if not path.is_file():
            return 1
        with quiet_pillow(), path.open("rb") as file:
            format = identify(file.read(64))
            file.seek(0)
            if format == "TIFF":
                return pages_in(file)
            if format is None or format not in FORMATS.values():
                return 1
            with Image.open(file, formats=[format]) as image:
                return int(getattr(image, "n_frames", 1))
    except Exception:  # whatever a damaged file brings about; reading it will tell
        return 1
