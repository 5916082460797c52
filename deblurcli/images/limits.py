"""What reading one photograph may take: pixels, bytes, pages, and the memory they need.

A forged header, a file of zeros that unpacks to gigabytes, or a pipe that never ends cost one line and not the run.
"""

from __future__ import annotations

from deblurcli.errors import InputError
from deblurcli.images.damage import Damaged
from deblurcli.images.memory import free_memory

#: Far above any camera, and far below what a forged header can claim.
MOST_PIXELS = 1_000_000_000
#: Of a file: what `MOST_PIXELS` with alpha and 16 bits come to, and as much again for what is beside the picture.
MOST_FILE_BYTES = 16 << 30
#: Of a pipe or a device, which does not say how much will come.
MOST_STREAM_BYTES = 2 << 30
#: Directories of a TIFF file. One of more pages is a document.
MOST_PAGES = 100
#: Copies of the decoded picture that are in memory at once while it is read, at most: the decoder's own, the array
#: made of it, and one that is being converted or turned.
COPIES = 5
_SMALL = 64 << 20  # bytes that no run is stopped by, and for which nobody is asked


def check_size(width: int, height: int, bytes_per_pixel: int = 4) -> None:
    """Refuse what a header announces, if it is too much to be decoded.

    Args:
        width, height: in pixels.
        bytes_per_pixel: of the decoded samples together.

    Raises:
        Damaged: for a picture without pixels.
        InputError: without a file name, for more than `MOST_PIXELS`, and for a picture that needs more memory than is
            free: `COPIES` times its decoded size.
    """
    if width < 1 or height < 1:
        raise Damaged("its header tells of no pixels")
    if width * height > MOST_PIXELS:
        raise InputError(f"{width} x {height} pixels is over the limit of 1000 megapixels; scale it down or crop it")
    needed = width * height * bytes_per_pixel * COPIES
    if needed > _SMALL and (free := free_memory()) is not None and needed > free:
        raise InputError(
            f"{width} x {height} pixels need about {_gigabytes(needed)} of memory to be read, and {_gigabytes(free)} "
            "are free; close other programs, scale it down or crop it"
        )


def check_file_bytes(count: int) -> None:
    """Refuse a file that is longer than a photograph can be, or than the free memory.

    Raises:
        InputError: without a file name.
    """
    if count > MOST_FILE_BYTES:
        raise InputError(f"a file of {_gigabytes(count)}, where {_gigabytes(MOST_FILE_BYTES)} is the limit; crop it")
    if count > _SMALL and (free := free_memory()) is not None and count > free:
        raise InputError(
            f"a file of {_gigabytes(count)}, and {_gigabytes(free)} of memory are free; close other programs"
        )


def _gigabytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
