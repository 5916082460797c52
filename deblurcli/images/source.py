"""The bytes of a source: a file, or what can be read only once, such as a pipe, a device or standard input."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from deblurcli.errors import InputError
from deblurcli.images.formats import HEAD_BYTES
from deblurcli.images.limits import MOST_STREAM_BYTES, check_file_bytes

_PART = 1 << 20


def is_stream(path: Path) -> bool:
    """Whether it can be read only once: a pipe, a device, or "-" for standard input."""
    try:
        return path == Path("-") or not (stat.S_ISREG(mode := path.stat().st_mode) or stat.S_ISDIR(mode))
    except (OSError, ValueError):  # what is not there
        return False


def read_path(path: Path, check: Callable[[bytes], None] = lambda head: None) -> bytes:
    """The whole content of a file, or of what can be read once, such as a named pipe; it is opened a single time.

    Args:
        path: of it.
        check: told the first `HEAD_BYTES` bytes before the rest is read, which it may prevent by an error.

    Raises:
        InputError: without a file name, for a folder and for more than there may be.
        OSError: if it cannot be read.
    """
    if path.is_dir():  # Windows would speak of permissions
        raise InputError("a folder, not a photograph; name the files in it")
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return read_pipe(file, check)
        head = file.read(HEAD_BYTES)
        check(head)  # before a film of many gigabytes is read
        check_file_bytes(status.st_size)
        file.seek(0)
        return file.read()


def read_pipe(file: BinaryIO, check: Callable[[bytes], None]) -> bytes:
    """All that a pipe has to give, `MOST_STREAM_BYTES` at most; `check` and errors as for `read_path`."""
    content = bytearray(file.read(HEAD_BYTES))
    check(bytes(content))
    while part := file.read(_PART):
        content += part
        if len(content) > MOST_STREAM_BYTES:
            raise InputError(f"more than {MOST_STREAM_BYTES >> 30} GiB came from it; save it as a file first")
    return bytes(content)
