"""Where one photo goes that is not written as a file: standard output, a pipe, a device."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import OutputError, UsageError

STANDARD_OUTPUT = Path("-")
_ITS_NAMES = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}


@dataclass(frozen=True)
class Sink:
    """A path that cannot be written as files are, through a temporary one beside it."""

    path: Path

    def __str__(self) -> str:
        return "standard output" if self.path == STANDARD_OUTPUT else str(self.path)

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            OutputError: if that is not possible.
            BrokenPipeError: if the reader has gone.
        """
        if self.path == STANDARD_OUTPUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        try:
            with self.path.open("wb") as file:
                file.write(data)
        except BrokenPipeError:
            raise
        except OSError as problem:
            raise OutputError(
                f"{display_name(self.path)}: cannot be written ({problem.strerror}); choose another"
            ) from problem


def named(output: Path | None) -> Path | None:
    """The output as the user means it: the system's names of standard output are "-"."""
    return STANDARD_OUTPUT if output is not None and str(output) in _ITS_NAMES else output


def sink_at(output: Path | None) -> Sink | None:
    """The sink that is there, if it is one.

    Raises:
        UsageError: for a disk as a whole, which a photo would destroy, and for a socket.
    """
    if output is None:
        return None
    if output == STANDARD_OUTPUT:
        return Sink(output)
    try:
        mode = output.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise UsageError(f"{display_name(output)}: is a disk or a socket, not a file; give another --output")
    return Sink(output) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else None
