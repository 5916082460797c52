"""Writing a photograph to a file, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deblurcli.atomic import write_together
from deblurcli.display import display_name
from deblurcli.errors import OutputError, UsageError
from deblurcli.images.formats import format_for, suffix_for
from deblurcli.images.photo import Photo


class OutputExists(OutputError):
    """The output is there already, and overwriting was not asked for."""


def encode_photo(photo: Photo, format: str, quality: int | None = None) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a file in `format` ("JPEG", "PNG", ...), and notes on what the format could not hold.

    `quality` is 1 to 100, for JPEG, WebP, AVIF and HEIF; by default as good as the source where that is known, and
    high otherwise. The metadata is written along. BMP, PNG and TIFF are lossless.

    Raises UsageError for an unknown format or quality, OutputError (its text one line) when the picture does not fit
    the format.
    """
    suffix_for(format)  # refuses unknown names
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is not between 1 and 100")
    from deblurcli.images.encode import encode

    return encode(photo, format, quality)


def write_photo(
    photo: Photo, path: Path, *, format: str | None = None, quality: int | None = None, overwrite: bool = False
) -> tuple[str, ...]:
    """Write a photograph with its metadata; the suffix of the path decides the format unless `format` does.

    `quality` as for `encode_photo`. Returns notes the user should be told, about what the format could not hold.
    A link is followed, and what it leads to is overwritten.

    Raises UsageError for a suffix, format or quality that cannot be written, OutputExists when the file is there and
    `overwrite` is False, OutputError for all else; an existing file is then untouched and nothing new is left behind.
    """
    format = format or format_for(path)
    with _told(path):
        _refuse_what_is_there(path, overwrite)
        data, notes = encode_photo(photo, format, quality)
    write_files([(data, path)], overwrite=overwrite)
    return notes


def write_files(files: Sequence[tuple[bytes, Path]], *, overwrite: bool = False) -> None:
    """Write encoded photographs that belong together: all of them, or none. The last one is the one to name in errors.

    A link is followed, and what it leads to is overwritten.

    Raises OutputExists when one is there and `overwrite` is False, OutputError for all else.
    """
    targets = []
    for data, path in files:
        with _told(path):
            _refuse_what_is_there(path, overwrite)
            targets.append((data, _followed(path)))
    with _told(files[-1][1]):
        write_together(targets, overwrite=overwrite)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors in here as ours, about this file."""
    label = display_name(path)
    try:
        yield
    except FileExistsError as problem:
        raise _exists(display_name(problem.filename or path)) from None
    except OutputExists:
        raise
    except OutputError as problem:
        raise OutputError(f"{label}: {problem}") from problem.__cause__
    except OSError as problem:
        raise OutputError(f"{label}: {_file_problem(problem)}") from problem
    except ValueError:  # a NUL character in the name
        raise OutputError(f"{label}: not a possible file name; choose another") from None


def _followed(path: Path) -> Path:
    """Where a link leads; the path itself if it is none."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OutputError("a link that leads back to itself; choose another name")
    return target


def _exists(label: str) -> OutputExists:
    return OutputExists(f"{label}: exists already; choose another name or allow overwriting")


def _refuse_what_is_there(path: Path, overwrite: bool) -> None:
    target = _followed(path)
    if not target.exists():
        return
    if target.is_dir():
        raise OutputError("a folder has this name; choose another")
    if not target.is_file():
        raise OutputError("not an ordinary file; choose another name")
    if not overwrite:
        raise _exists(display_name(path))


def _file_problem(problem: OSError) -> str:
    match problem.errno:
        case errno.ENOENT:
            return "the folder does not exist; create it first"
        case errno.ENOTDIR:
            return "a part of this path is a file, not a folder; choose another"
        case errno.EACCES | errno.EPERM:
            return "no permission to write there; choose another folder"
        case errno.EROFS:
            return "the disk is read-only; choose another folder"
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; free some space or choose another folder"
        case errno.EFBIG:
            return "the file is larger than this file system or account may hold; choose another folder"
        case errno.ENAMETOOLONG:
            return "the name is too long for this file system; shorten it"
    return f"cannot be written ({problem.strerror or problem}); check the disk"
