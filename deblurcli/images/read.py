"""Reading a photograph: the file, what it claims to be, and one clear line when it cannot be used."""

from __future__ import annotations

import errno
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.images.formats import CAMERA_RAW, HEAD_BYTES, identify
from deblurcli.images.photo import Photo

_KNOWN = "deblur reads JPEG, PNG, TIFF, WebP, AVIF, BMP, GIF and HEIC"


def read_photo(source: Path | bytes, name: str | None = None) -> Photo:
    """Read a photograph from a file, or from bytes such as those of standard input.

    The content decides the format, whatever the suffix says. The result is upright, see `Photo` for its shape and
    values. `name` is what messages call the source; by default the path, or "standard input" for bytes.

    Raises InputError, its text one line, for anything that is not one readable photograph.
    """
    label = display_name(name or ("standard input" if isinstance(source, bytes) else source))
    suffix = Path(name or "").suffix if isinstance(source, bytes) else source.suffix
    try:
        if isinstance(source, bytes):
            format, data = _recognised(source[:HEAD_BYTES], suffix), source
        else:
            format, data = _read_file(source)
    except InputError as problem:
        raise InputError(f"{label}: {problem}") from None
    except OSError as problem:
        raise InputError(f"{label}: {_file_problem(problem)}") from None
    except ValueError:  # a NUL character in the name
        raise InputError(f"{label}: not a possible file name; check it") from None
    return _decoded(data, format, label)


def _read_file(path: Path) -> tuple[str, bytes]:
    if path.is_dir():  # Windows would speak of permissions
        raise InputError("a folder, not a photograph; name the files in it")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        format = _recognised(head, path.suffix)  # before a film of many gigabytes is read
        return format, head + file.read()


def _recognised(head: bytes, suffix: str) -> str:
    format = identify(head)
    if suffix.lower() in CAMERA_RAW and format in (None, "TIFF"):  # most raw files are TIFF inside
        raise InputError("a camera raw file; develop it to TIFF or JPEG first")
    if not head:
        raise InputError("the file is empty (0 bytes); copy it again from where it came")
    if format is None:
        raise InputError(f"not a photograph by its content; {_KNOWN}")
    return format


def _decoded(data: bytes, format: str, label: str) -> Photo:
    from deblurcli.images.decode import decode

    try:
        return decode(data, format)
    except InputError as problem:
        raise InputError(f"{label}: {problem}") from None
    except MemoryError:
        raise InputError(f"{label}: not enough memory for a picture of this size; scale it down or crop it") from None
    except Exception as problem:
        # Decoders raise errors of any type on damaged data; all of them mean the same to the user.
        reason = display_name(" ".join(str(problem).split())[:120] or type(problem).__name__)
        line = f"the {format} data is damaged or incomplete ({reason}); copy the file again or export it anew"
        raise InputError(f"{label}: {line}") from problem


def _file_problem(problem: OSError) -> str:
    match problem.errno:
        case errno.ENOENT:
            return "no such file; check the name"
        case errno.EACCES | errno.EPERM:
            return "no permission to read it; check the file's owner and mode"
        case errno.ENOTDIR:
            return "no such file; a part of its path is a file, not a folder"
        case errno.ENAMETOOLONG:
            return "the name is too long for this file system; check it"
    return f"cannot be read ({problem.strerror or problem}); check the disk it is on"
