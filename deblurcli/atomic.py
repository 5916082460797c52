"""Files that appear complete or not at all, and what is left of them when a run is killed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\.deblur-[0-9a-f]{12}")


def write_atomically(data: bytes, path: Path, *, overwrite: bool) -> None:
    """Write a file through a temporary one in the same folder, so that no reader ever sees half of it.

    When this returns, file and name are on the disk. The temporary file is locked while it is written, which tells
    `remove_leftovers` that someone is at work on it.

    Raises FileExistsError when the file exists and `overwrite` is False, and OSError for all that can go wrong on a
    disk; in either case nothing is left behind and an existing file is as it was.
    """
    write_together([(data, path)], overwrite=overwrite)


def write_together(files: Sequence[tuple[bytes, Path]], *, overwrite: bool) -> None:
    """Write several files as `write_atomically` does one: all are on the disk before the first gets its name.

    Should a name be taken just then, those that had got theirs are removed again, unless they took the place of others.
    """
    named: list[Path] = []
    with contextlib.ExitStack() as stack:
        waiting = [(stack.enter_context(_temporary(data, path.parent)), path) for data, path in files]
        try:
            for temporary, path in waiting:
                _put_in_place(temporary, path, overwrite)
                named.append(path)
        except OSError as problem:
            for done in () if overwrite else named:
                done.unlink(missing_ok=True)
            if isinstance(problem, FileExistsError):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            raise
    for folder in {path.parent for _, path in files}:
        sync_folder(folder)


@contextlib.contextmanager
def file_beside(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary file for another program to write, which gets its name at the end as `write_atomically` gives it.

    Raises FileExistsError when the name is taken and `overwrite` is False, and OSError; in either case, and if the body
    fails, nothing is left behind.
    """
    with _temporary(b"", path.parent) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        _put_in_place(temporary, path, overwrite)
        sync_folder(path.parent)


@contextlib.contextmanager
def _temporary(data: bytes, folder: Path) -> Iterator[Path]:
    """A file with this content, removed afterwards unless it has got another name."""
    temporary, descriptor = _open_temporary(folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if fcntl:  # renamed while locked; Windows, which has no such locks, does not rename an open file
                yield temporary
        if not fcntl:
            yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed runs left in a folder, and none that is being written.

    Where the system or the disk has no locks to tell one from the other, all of them stay. Returns how many went.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                removed += _remove_unless_locked(Path(entry.path))
    return removed


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep the names in a folder; not every system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, or its process ends in whatever way; False if that cannot be had now."""
    if not fcntl:
        return False
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _open_temporary(folder: Path) -> tuple[Path, int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        # A short name of its own: the target's may be as long as the file system allows.
        temporary = folder / f".deblur-{secrets.token_hex(6)}"
        # Opened plainly rather than by tempfile, whose private mode 0600 the result would inherit.
        descriptor = os.open(temporary, flags, 0o666)
        try_lock(descriptor)
        # Another run may have taken it for a leftover before it was locked.
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)


def _remove_unless_locked(temporary: Path) -> bool:
    with contextlib.suppress(OSError):
        descriptor = os.open(temporary, os.O_RDWR)
        try:
            if try_lock(descriptor):
                temporary.unlink()
                return True
        finally:
            os.close(descriptor)
    return False


def _put_in_place(temporary: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
    else:
        _put_where_nothing_is(temporary, path)


def _put_where_nothing_is(temporary: Path, path: Path) -> None:
    """Give the temporary file its name, raising FileExistsError if the name is taken meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        claim_and_replace(temporary, path)  # memory cards and some network shares have no hard links


def claim_and_replace(temporary: Path, path: Path) -> None:
    """What `_put_where_nothing_is` does, without hard links: looked first, then renamed.

    An empty file that claims the name would close the gap between the two, but a run that is killed right then would
    leave it behind, for a result.
    """
    if os.path.lexists(path):
        raise FileExistsError(path)
    temporary.rename(path)
