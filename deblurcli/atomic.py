"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(data: bytes, path: Path, *, overwrite: bool) -> None:
    """Write a file through a temporary one in the same folder, so that no reader ever sees half of it.

    Raises FileExistsError when the file exists and `overwrite` is False, and OSError for all that can go wrong on a
    disk; in either case nothing is left behind and an existing file is as it was.
    """
    # A short name of its own: the target's may be as long as the file system allows.
    temporary = path.parent / f".deblur-{secrets.token_hex(6)}"
    # Opened plainly rather than by tempfile, whose private mode 0600 the result would inherit.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _put_where_nothing_is(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _put_where_nothing_is(temporary: Path, path: Path) -> None:
    """Give the temporary file its name, raising FileExistsError if the name is taken meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        claim_and_replace(temporary, path)  # memory cards and some network shares have no hard links


def claim_and_replace(temporary: Path, path: Path) -> None:
    """What `_put_where_nothing_is` does, without hard links: an empty file claims the name, then is replaced."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        temporary.replace(path)
    except BaseException:
        path.unlink()
        raise
