"""Standard input, output and error as they are met: closed, on a full disk, or with a reader that has gone.

Everything that is printed passes here, by whichever library. A message that cannot be told ends no run; a result or a
record that cannot be written is one clear error, once.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any, TextIO

from deblurcli.errors import InputError, OutputError

CLOSED = "standard output: closed; open it, or have the result written to a file"


def guard() -> None:
    """Replace the standard streams of this process by ones that behave.

    Whatever a system calls by the numbers 0 to 2 is opened if it is closed: the next file that is opened, such as a
    result, would get that number, and every message would land in it.
    """
    _occupy()
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_ClosedInput()))
    sys.stdout = _guarded(sys.stdout, loud=True)
    sys.stderr = _guarded(sys.stderr, loud=False)


def refuse_closed_output() -> None:
    """Known before the work: that standard output takes no picture.

    Raises:
        OutputError: if it is closed.
    """
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Guarded) and raw.stream is None:
        raise OutputError(CLOSED)


def flush() -> None:
    """Write out what is still waiting for standard output.

    Raises:
        OutputError: if it cannot be.
        BrokenPipeError: if nobody reads it any more.
    """
    sys.stdout.flush()


def _occupy() -> None:
    with contextlib.suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)


def _guarded(stream: TextIO | None, loud: bool) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    if stream is not None and buffer is None:
        return stream  # a program that calls this one has put something of its own there
    raw = getattr(buffer, "raw", buffer)  # Python buffers nothing when it is asked not to
    guarded = io.BufferedWriter(_Guarded(raw, loud))
    encoding, errors = (stream.encoding, stream.errors) if stream is not None else ("utf-8", "backslashreplace")
    return io.TextIOWrapper(guarded, encoding, errors, line_buffering=not loud or guarded.isatty())


class _Guarded(io.RawIOBase):
    """Writes to a stream; after the first failure to nowhere.

    Args:
        stream: to write to; None if it is closed.
        loud: whether the first failure is raised.
    """

    def __init__(self, stream: Any, loud: bool) -> None:
        self.stream, self.loud = stream, loud
        self.lost = False

    def write(self, data: Any) -> int:
        count = len(memoryview(data).cast("B"))
        if self.lost:
            return count
        try:
            if self.stream is None:
                raise OutputError(CLOSED)
            while (written := self.stream.write(data)) is None:  # somebody has told it not to wait
                select.select([], [self.stream], [])
            return int(written)
        except (OSError, ValueError, OutputError) as problem:
            self.lost = True
            if not self.loud:
                return count
            if isinstance(problem, (BrokenPipeError, OutputError)):
                raise
            reason = getattr(problem, "strerror", None) or "it is closed"
            raise OutputError(f"standard output: cannot be written ({reason}); send it elsewhere") from problem

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.stream is None:
            raise io.UnsupportedOperation("it is closed")
        return int(self.stream.fileno())

    def isatty(self) -> bool:
        return self.stream is not None and bool(self.stream.isatty())


class _ClosedInput(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise InputError("closed; name a file instead")
