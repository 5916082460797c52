"""HEIC and HEIF, through the optional package pillow-heif; 10 and 12 bits a sample become 16."""

from __future__ import annotations

import io
import re
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from deblurcli.errors import DeblurError, InputError, OutputError
from deblurcli.images.colour import split_alpha
from deblurcli.images.exif import without_prefix
from deblurcli.images.heif_parts import cicp_of, parts_beside, readable
from deblurcli.images.isobmff import container_of
from deblurcli.images.limits import check_size
from deblurcli.images.parts import Encoded, keys_of
from deblurcli.images.photo import Metadata, Photo
from deblurcli.images.pixels import Pixels

_INSTALL = 'HEIC needs an extra package; install it with: pip install "deblurcli[heif]"'
_MODES = {(1, 1): "L", (3, 1): "RGB", (4, 1): "RGBA", (1, 2): "I;16", (3, 2): "RGB;16", (4, 2): "RGBA;16"}

# The library looks for this text in XMP, whatever namespace it is of, and turns the picture by it.
_TAKEN_FOR_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))[02-9]')
# Of ITU-T H.273; the library writes other numbers, too, and then cannot read its own file.
_PRIMARIES, _TRANSFERS = {1, 2, *range(4, 13), 22}, {1, 2, *range(4, 19)}
_USUAL_BITS, _MOST_BITS = 10, 12
_LUMA_BITS = 17  # where in "hvcC" they stand, less 8
_MATRICES = (1, 5, 6, 9)  # of luma and chroma, that every decoder knows


def decode_heif(data: bytes) -> Photo:
    """Decode the primary picture of a HEIF file. Without pillow-heif, raises InputError without a file name."""
    library, container = _library(InputError), container_of(data)
    data, notes = readable(data, container)
    file = library.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    width, height = file.size
    check_size(width, height, 8 if file.info.get("bit_depth", 8) > 8 else 4)
    pixels, alpha = split_alpha(np.array(file))
    info = file.info
    icc, found = info.get("icc_profile") or None, cicp_of(container)
    metadata = Metadata(
        exif=without_prefix(info["exif"]) if info.get("exif") else None,
        icc=icc,
        cicp=found[0] if found and not icc else None,  # a profile counts more than the numbers
        xmp=info.get("xmp") or None,
        bits=int(info.get("bit_depth", 8)),
    )
    if len(file) > 1:
        notes = (*notes, f"only the main one of its {len(file)} pictures was read")
    return Photo(pixels, alpha, "HEIF", metadata, notes, parts_beside(container))


def heif_size(file: BinaryIO) -> tuple[int, int]:
    """(width, height) of the primary picture. Without pillow-heif, raises InputError without a file name."""
    width, height = _library(InputError).open_heif(file).size
    return width, height


def encode_heif(samples: Pixels, metadata: Metadata, quality: int) -> Encoded:
    """Encode (H, W), (H, W, 3) or (H, W, 4) samples; uint16 is stored with 10 bits, or 12 where the metadata says so.

    Raises OutputError without pillow-heif.
    """
    library = _library(OutputError)
    count = 1 if samples.ndim == 2 else samples.shape[2]
    height, width = samples.shape[:2]
    xmp = metadata.xmp and _TAKEN_FOR_ORIENTATION.sub(rb"\g<1>1", metadata.xmp)
    described: dict[str, Any] = {"exif": metadata.exif, "icc_profile": metadata.icc, "xmp": xmp}
    known = metadata.cicp is not None and (
        metadata.cicp.primaries in _PRIMARIES and metadata.cicp.transfer in _TRANSFERS
    )
    if metadata.cicp and known and (metadata.cicp.primaries, metadata.cicp.transfer) != (2, 2):
        described["color_primaries"] = metadata.cicp.primaries
        described["transfer_characteristics"] = metadata.cicp.transfer
        if metadata.cicp.matrix in _MATRICES:
            described["matrix_coefficients"] = metadata.cicp.matrix
    image = library.from_bytes(_MODES[count, samples.itemsize], (width, height), samples.tobytes())
    if samples.dtype == np.uint16 and metadata.bits > _USUAL_BITS:
        described["bit_depth"] = _MOST_BITS
    file = io.BytesIO()
    image.save(file, quality=quality, chroma=444, **{key: value for key, value in described.items() if value})
    data, notes = file.getvalue(), list[str]()
    if "bit_depth" in described and (written := _bits_of(data)) < _MOST_BITS:  # an older package does not know it
        notes.append(f"HEIF is written with {written} bits a channel: reduced from {metadata.bits}")
    return Encoded(data, keys_of(metadata, "exif", "icc", "xmp", *(("cicp",) if known else ())), notes=tuple(notes))


def _bits_of(data: bytes) -> int:
    """The bits of a sample in a file, as its decoder configuration tells."""
    for one in container_of(data).of_primary(b"hvcC"):
        if len(one.content) > _LUMA_BITS:
            return 8 + (one.content[_LUMA_BITS] & 7)
    return 8


def _library(error: type[DeblurError]) -> ModuleType:
    try:
        import pillow_heif
    except ImportError:
        raise error(_INSTALL) from None
    return pillow_heif  # type: ignore[no-any-return, unused-ignore]
