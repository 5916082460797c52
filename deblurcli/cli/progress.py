"""Progress bars on stderr, silent when that is not a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from deblurcli.batch.pace import Pace
from deblurcli.batch.plan import Job
from deblurcli.batch.run import Status
from deblurcli.display import display_name


class FileProgress:
    """A bar for one file, or one for all files with their count, speed, time left, failures and the current name.

    Use as a context manager.

    Args:
        pace: of several files; None for a single one.
        quiet: show nothing.
    """

    def __init__(self, pace: Pace | None, quiet: bool) -> None:
        self.console = Console(stderr=True)
        self.shown = self.console.is_terminal and not quiet
        self.pace = pace
        self.bars = Progress(
            *(SINGLE if pace is None else SEVERAL), console=self.console, transient=True, disable=not self.shown
        )
        self.task = self.bars.add_task("", total=1.0, visible=False, numbers="")
        self.finished = self.failed = 0

    def __enter__(self) -> FileProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, device: int, job: Job, pixels: int) -> None:
        """A device begins a photo of so many pixels."""
        if self.pace:
            self.pace.begin(device, pixels)
        self.bars.update(self.task, description=display_name(job.source.name), visible=True)

    def advance(self, device: int, share: float) -> None:
        """A device has done a share of its photo, 0 to 1."""
        if self.pace:
            self.pace.advance(device, share)
            self.show()
        else:
            self.bars.update(self.task, completed=share)

    def end(self, status: Status) -> None:
        """Something has become of a photo."""
        self.finished += status is not Status.NOT_DONE
        self.failed += status is Status.FAILED
        if self.pace:
            self.show()

    def show(self) -> None:
        assert self.pace is not None
        numbers = f"{self.finished:,}/{self.pace.files:,}"
        if (left := self.pace.seconds_left) is not None:
            numbers += f"  {self.pace.per_second / 1e6:.2f} MP/s  {duration(left)} left"
        if self.failed:
            numbers += f"  {self.failed:,} failed"
        self.bars.update(self.task, total=self.pace.total or 1.0, completed=self.pace.so_far, numbers=numbers)

    def say(self, line: str) -> None:
        """A line above the bars; as it is when there are none."""
        if self.shown:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)


SINGLE: tuple[ProgressColumn, ...] = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TextColumn("{task.percentage:>3.0f} %"),
    TimeElapsedColumn(),
    TextColumn("left"),
    TimeRemainingColumn(),
)
SEVERAL: tuple[ProgressColumn, ...] = (
    BarColumn(bar_width=20),
    TextColumn("{task.fields[numbers]}", markup=False),
    TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
)


def duration(seconds: float) -> str:
    """ "0:42", "1:02:03", or "3 days 4:05:06"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} day{'s' * (days > 1)} {hour}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


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
