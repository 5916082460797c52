"""Reading a photograph: the file, what it claims to be, and one clear line when it cannot be used."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

from deblurcli.display import display_name
from deblurcli.errors import InputError
from deblurcli.images.damage import Damaged
from deblurcli.images.formats import CAMERA_RAW, HEAD_BYTES, identify
from deblurcli.images.other_kinds import TO_CONVERT, TO_DEVELOP, kind_by_beginning
from deblurcli.images.photo import Photo
from deblurcli.images.source import read_path, read_pipe

_KNOWN = "deblur reads JPEG, PNG, TIFF, WebP, AVIF, BMP, GIF and HEIC"


def read_photo(source: Path | bytes | BinaryIO, name: str | None = None) -> Photo:
    """Read a photograph from a file, from bytes, or from an open binary stream such as standard input.

    The content decides the format, whatever the suffix says. A named pipe, a device or a stream is read once, into
    memory, as far as `limits.MOST_STREAM_BYTES`. The result is upright, see `Photo` for its shape and values. `name` is
    what messages call the source; by default the path, or "standard input".

    Raises InputError, its text one line, for anything that is not one readable photograph.
    """
    label = display_name(name or (source if isinstance(source, Path) else "standard input"))
    suffix = source.suffix if isinstance(source, Path) else Path(name or "").suffix
    try:
        if isinstance(source, Path):
            data = read_path(source, lambda head: _refuse_other(head, suffix))
        elif isinstance(source, bytes):
            data = source
        else:
            data = read_pipe(source, lambda head: _refuse_other(head, suffix))
        format = _recognised(data[:HEAD_BYTES], suffix)
    except InputError as problem:
        raise InputError(f"{label}: {problem}") from None
    except MemoryError:
        raise InputError(f"{label}: not enough memory for a file of this length; close other programs") from None
    except OSError as problem:
        raise InputError(f"{label}: {_file_problem(problem)}") from None
    except ValueError:  # a NUL character in the name
        raise InputError(f"{label}: not a possible file name; check it") from None
    return _decoded(data, format, label)


def _refuse_other(head: bytes, suffix: str) -> None:
    _recognised(head, suffix)


def _recognised(head: bytes, suffix: str) -> str:
    format = identify(head)
    if suffix.lower() in CAMERA_RAW and format in (None, "TIFF"):  # most raw files are TIFF inside
        raise InputError("a camera raw file; develop it to TIFF or JPEG first")
    if not head:
        raise InputError("the file is empty (0 bytes); copy it again from where it came")
    if format is None and (named := kind_by_beginning(head)):
        name, remedy = named
        if remedy in (TO_CONVERT, TO_DEVELOP):
            raise InputError(f"{name}, which deblur does not read; {remedy}")
        raise InputError(f"not a photograph but {name}; {remedy}")
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
        reason = f" ({problem})" if isinstance(problem, Damaged) else ""
        line = f"the {format} data is damaged or incomplete{reason}; copy the file again or export it anew"
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
