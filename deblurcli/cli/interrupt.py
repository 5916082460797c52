"""Ctrl-C, and the signal by which schedulers end a job: once to end cleanly, twice to end at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from deblurcli.errors import ExitCode
from deblurcli.jobs.run import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted:
    """Whether a signal has come."""

    seen = False


def write_on_stderr(line: bytes) -> None:
    """On stderr, if that is possible; a full disk or a window that was closed stops nothing."""
    with suppress(OSError):
        os.write(2, line)


@contextmanager
def stopped_by_signals(stop: Stop, first_line: str) -> Iterator[Interrupted]:
    """While this lasts, the first signal requests a stop and prints a line, and the second ends the process."""
    interrupted = Interrupted()

    def handle(number: int, frame: FrameType | None) -> None:
        # Not by print: the signal may have come in the middle of one.
        if interrupted.seen:
            write_on_stderr(b"deblur: stopped at once\n")
            os._exit(ExitCode.INTERRUPTED)
        interrupted.seen = True
        stop.request()
        write_on_stderr(first_line.encode())

    # A program started in the background may have been told to ignore Ctrl-C, and shall.
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, handle)
    try:
        yield interrupted
    finally:
        for number in handled:
            signal.signal(number, before[number])


@contextmanager
def raised_by_signals() -> Iterator[None]:
    """While this lasts, a signal ends what is being done by a KeyboardInterrupt, as Ctrl-C does by itself."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
