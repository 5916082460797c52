"""All that the command line says passes here: lines for a person on stderr, objects for a program on standard output,
and everything into a log. What the library logs is said too.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console as Terminal
from rich.progress import Progress, ProgressColumn

from deblurcli.display import display_name
from deblurcli.errors import OutputError


class Console:
    """Says what a command's mode lets it say; there is one, `console`.

    Attributes:
        quiet: say nothing to a person but problems.
        bars: of the work that is going on, if they are shown.
        unheard: objects for a program could not be written.
        deserted: because nobody reads them any more.
    """

    def __init__(self) -> None:
        self.bars: Progress | None = None
        self.set_mode()

    def set_mode(self, *, quiet: bool = False, as_json: bool = False, log: Path | None = None) -> None:
        """What is said from now on.

        Raises:
            OutputError: if the log cannot be opened. A disk that fills up later only ends the log.
        """
        self.quiet, self.unheard, self.deserted = quiet, False, False
        self.output: TextIO | None = sys.stdout if as_json else None  # as it is now; others may redirect it
        self.log: TextIO | None = None
        if log is not None:
            try:
                self.log = log.open("a", encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise OutputError(
                    f"{display_name(log)}: the log cannot be written ({error.strerror}); choose another file"
                ) from None

    def say(self, line: str) -> None:
        """A line to a person, unless it shall be quiet."""
        if not self.quiet:
            self.write(line)

    def problem(self, line: str) -> None:
        """A line that is always said."""
        self.write(f"deblur: {line}")

    def write(self, line: str) -> None:
        """On stderr, above the bars if there are any."""
        if self.bars:
            self.bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def tell(self, record: dict[str, Any]) -> None:
        """An object to a program, if one listens. Once it cannot be written that is said, and the work goes on."""
        if self.output is None:
            return
        try:
            print(json.dumps(record), file=self.output, flush=True)
        except OutputError as error:
            self.output, self.unheard = None, True
            self.problem(f"{error}; the photos are restored all the same")
        except BrokenPipeError:
            self.output, self.unheard, self.deserted = None, True, True

    def note(self, line: str) -> None:
        """A line for the log alone, with the time."""
        if self.log:
            try:
                self.log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}\n")
                self.log.flush()
            except OSError:
                self.log = None

    @contextmanager
    def showing(self, *columns: str | ProgressColumn, transient: bool = False) -> Iterator[Progress]:
        """Bars on stderr while this lasts; silent when that is not a terminal, or it shall be quiet."""
        terminal = Terminal(stderr=True)
        shown = terminal.is_terminal and not self.quiet
        bars = Progress(*columns, console=terminal, transient=transient, disable=not shown)
        self.bars = bars if shown else None
        try:
            with bars:
                yield bars
        finally:
            self.bars = None


class _FromLibrary(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        console.say(record.getMessage())


console = Console()


def hear_library() -> None:
    """From now on, say what the library logs."""
    logger = logging.getLogger("deblurcli")
    if not any(isinstance(handler, _FromLibrary) for handler in logger.handlers):
        logger.addHandler(_FromLibrary())
        logger.setLevel(logging.INFO)
