"""Which files are videos: by the suffix of the name, and by the first bytes of the content."""

from __future__ import annotations

from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError

#: Suffixes that are written, and libav's name of the container that each asks for.
CONTAINERS: dict[str, str] = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
}

#: What users call them.
WORDS = {"mp4": "MP4", "mov": "MOV", "matroska": "MKV", "webm": "WebM", "avi": "AVI"}

#: Suffixes of videos that are read; their results go to one of the containers above.
_ONLY_READ = frozenset(
    {".3gp", ".flv", ".m2ts", ".m2v", ".mjpeg", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob", ".wmv"}
)

_FILM_BRANDS = frozenset(
    b"isom iso2 iso4 iso5 iso6 mp41 mp42 avc1 dash 3gp4 3gp5 3gp6 MSNV XAVC mmp4 qt__ M4V_ M4A_ f4v_".split()
)
_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip")  # of QuickTime files that begin without a brand


def is_video_name(path: Path) -> bool:
    """Whether the name alone says that this is a video; "._clip.mp4" is macOS's companion of one."""
    suffix = path.suffix.lower()
    return (suffix in CONTAINERS or suffix in _ONLY_READ) and not path.name.startswith("._")


def is_video_content(head: bytes) -> bool:
    """Whether a file that begins so is a film in one of the usual containers."""
    if head[4:8] == b"ftyp":
        return head[8:12].replace(b" ", b"_") in _FILM_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    return head[:4] in (b"\x1aE\xdf\xa3", b"FLV\x01") or head[4:8] in _ATOMS


def is_video(path: Path) -> bool:
    """Whether a file is a video by its content or, where the content tells nothing, by its name."""
    from deblurcli.images.formats import HEAD_BYTES as PHOTO_BYTES
    from deblurcli.images.formats import identify

    try:
        if not path.is_file():
            return is_video_name(path) and not path.is_dir()
        with path.open("rb") as file:
            head = file.read(PHOTO_BYTES)
    except (OSError, ValueError):
        return is_video_name(path)
    return is_video_content(head) or (is_video_name(path) and identify(head) is None)


def container_for(path: Path) -> str:
    """The container that an output's suffix asks for.

    Raises:
        UsageError: for any other suffix, or none.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        problem = f"cannot write a video as {suffix}" if suffix else "the name has no suffix to tell the container"
        raise UsageError(f"{display_name(path)}: {problem}; use one of {' '.join(CONTAINERS)}")
    return CONTAINERS[suffix]


def container_of(libav: str) -> str:
    """The container to write where a source is in this one, by libav's name of it, such as "mov,mp4,m4a,3gp"."""
    names = libav.split(",")
    for name, own in (("webm", "matroska"), ("matroska", "matroska"), ("avi", "avi"), ("mov", "mp4")):
        if name in names:
            return own
    return "matroska"  # has a place for nearly everything


def suffix_like(source: Path, libav: str) -> str:
    """The suffix of a result beside its source: the same where it can be written, else one for the content."""
    if source.suffix.lower() in CONTAINERS:
        return source.suffix
    container = container_of(libav)
    return next(suffix for suffix, name in CONTAINERS.items() if name == container)
