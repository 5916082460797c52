"""Files that appear complete or not at all, and what is left of them when a run is killed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
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
    temporary, descriptor = _open_temporary(path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if fcntl:  # renamed while locked; Windows, which has no such locks, does not rename an open file
                _put_in_place(temporary, path, overwrite)
        if not fcntl:
            _put_in_place(temporary, path, overwrite)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    sync_folder(path.parent)


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
