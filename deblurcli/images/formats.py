"""Which files are photographs: by the suffix of the name, and by the first bytes of the content.

Nothing here imports Pillow or NumPy, so a scan of a large folder stays cheap.
"""

from __future__ import annotations

from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError

#: Suffixes of the files that are read, and the format each one normally holds.
READABLE: dict[str, str] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".mpo": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".hif": "HEIF",
    ".gif": "GIF",
}

#: Suffixes of the files that can be written, and the format each one asks for.
WRITABLE: dict[str, str] = {suffix: name for suffix, name in READABLE.items() if suffix not in {".mpo", ".gif"}}

#: Suffixes of camera raw files, which have to be developed before anything can be done to them.
# fmt: off
CAMERA_RAW: frozenset[str] = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
})
# fmt: on

#: Enough of a file's beginning for `identify`.
HEAD_BYTES = 64

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # the last two are BigTIFF
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


def is_image_name(path: Path) -> bool:
    """Whether the name alone says that this is a photograph deblur reads; the file is not touched.

    The "._name.jpg" companions that macOS leaves on memory cards hold no picture and are not counted.
    """
    return path.suffix.lower() in READABLE and not path.name.startswith("._")


def suffix_for(format: str) -> str:
    """The usual suffix of a format `write_photo` knows, such as ".jpg" for "JPEG".

    Raises UsageError for a format that cannot be written.
    """
    for suffix, name in WRITABLE.items():
        if name == format:
            return suffix
    raise UsageError(f"{format}: not a format deblur can write; use one of {', '.join(sorted(set(WRITABLE.values())))}")


def format_for(path: Path) -> str:
    """The format that an output's suffix asks for, such as "JPEG" for "sharp.jpg".

    Raises UsageError, naming the suffixes that can be written, for any other suffix or none.
    """
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        return WRITABLE[suffix]
    problem = f"cannot write {suffix} files" if suffix else "the name has no suffix to tell the format"
    raise UsageError(f"{display_name(path)}: {problem}; use one of {' '.join(WRITABLE)}")


def identify(head: bytes) -> str | None:
    """The format of a file by its first `HEAD_BYTES` bytes, or None when it is no photograph deblur reads."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        # The generic brand "mif1" may come first in both families, so every brand listed counts.
        box = head[8 : min(int.from_bytes(head[:4], "big"), len(head))]
        brands = {box[at : at + 4] for at in range(0, len(box), 4)}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    return None
