"""Progress bars on stderr, silent when that is not a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class FileProgress:
    """A bar for the current file, and one for all files when there are several. Use as a context manager."""

    def __init__(self, files: int, quiet: bool) -> None:
        self.console = Console(stderr=True)
        self.shown = self.console.is_terminal and not quiet
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.shown,
        )
        self.overall = self.bars.add_task("all files", total=float(files), visible=files > 1)
        self.current = self.bars.add_task("", total=1.0, visible=False)
        self.finished = 0

    def __enter__(self) -> FileProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, name: str) -> None:
        self.bars.reset(self.current, description=name, visible=True)

    def advance(self, share: float) -> None:
        self.bars.update(self.current, completed=share)
        self.bars.update(self.overall, completed=self.finished + share)

    def end(self) -> None:
        self.finished += 1
        self.bars.update(self.overall, completed=self.finished)

    def say(self, line: str) -> None:
        """A line above the bars; as it is when there are none."""
        if self.shown:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


def counting(description: str) -> Progress:
    """A single bar that counts, with the time left."""
    console = Console(stderr=True)
    return Progress(
        TextColumn(description),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
