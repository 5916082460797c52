"""Where one photo goes that is not written as a file: standard output, a pipe, a device."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from deblurcli.cli.streams import refuse_closed_output
from deblurcli.display import display_name
from deblurcli.errors import OutputError, UsageError

STANDARD = Path("-")
_ITS_NAMES = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}


def named(output: Path | None) -> Path | None:
    """The output as the user means it: the system's names of standard output are "-"."""
    return STANDARD if output is not None and str(output) in _ITS_NAMES else output


def is_sink(output: Path | None) -> bool:
    """Whether results cannot be written there as files are, through a temporary one beside it.

    Raises:
        UsageError: for a disk as a whole, which a photo would destroy, and for a socket.
    """
    if output is None:
        return False
    if output == STANDARD:
        return True
    try:
        mode = output.stat().st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise UsageError(f"{display_name(output)}: is a disk or a socket, not a file; give another --output")
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def refuse_closed(output: Path) -> None:
    """Known before the work: that nothing can be written there.

    Raises:
        OutputError: if standard output is closed.
    """
    if output == STANDARD:
        refuse_closed_output()


def write_to(data: bytes, output: Path) -> None:
    """Write all of it.

    Raises:
        OutputError: if that is not possible.
        BrokenPipeError: if the reader has gone.
    """
    if output == STANDARD:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OutputError(
            f"{display_name(output)}: cannot be written ({problem.strerror}); choose another"
        ) from problem
