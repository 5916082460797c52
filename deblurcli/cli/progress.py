"""Progress bars."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from deblurcli.cli.console import console
from deblurcli.display import display_name
from deblurcli.jobs.events import Advanced, Begun, Event
from deblurcli.jobs.pace import Pace
from deblurcli.jobs.task import Status

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


class PhotoProgress:
    """A bar for one photo, or one for all photos with their count, speed, time left, failures and the current name.

    Args:
        bars: to show it on.
        bar: which of them.
        pace: of several photos; None for a single one.
    """

    def __init__(self, bars: Progress, bar: TaskID, pace: Pace | None) -> None:
        self.bars, self.bar, self.pace = bars, bar, pace
        self.finished = self.failed = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Begun):
            if self.pace:
                self.pace.begin(event.engine, event.pixels)
            self.bars.update(self.bar, description=display_name(event.task.source.name), visible=True)
        elif isinstance(event, Advanced):
            if self.pace:
                self.pace.advance(event.engine, event.share)
            else:
                self.bars.update(self.bar, completed=event.share)
        else:
            self.finished += event.result.status is not Status.NOT_DONE
            self.failed += event.result.status is Status.FAILED
        if self.pace and not isinstance(event, Begun):
            self.bars.update(
                self.bar, total=self.pace.total or 1.0, completed=self.pace.so_far, numbers=self.numbers(self.pace)
            )

    def numbers(self, pace: Pace) -> str:
        numbers = f"{self.finished:,}/{pace.files:,}"
        if (left := pace.seconds_left) is not None:
            numbers += f"  {pace.per_second / 1e6:.2f} MP/s  {duration(left)} left"
        return numbers + (f"  {self.failed:,} failed" if self.failed else "")


@contextmanager
def photo_progress(pace: Pace | None) -> Iterator[PhotoProgress]:
    """Shown while this lasts; to be told all events."""
    with console.showing(*(SEVERAL if pace else SINGLE), transient=True) as bars:
        yield PhotoProgress(bars, bars.add_task("", total=1.0, visible=False, numbers=""), pace)


@contextmanager
def counting(description: str) -> Iterator[Progress]:
    """A single bar that counts, with the time left."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[status]}"), TimeElapsedColumn())
    with console.showing(TextColumn(description), *columns, TextColumn("left"), TimeRemainingColumn()) as bars:
        yield bars


def duration(seconds: float) -> str:
    """ "0:42", "1:02:03", or "3 days 4:05:06"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} day{'s' * (days > 1)} {hour}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class FrameCounter:
    """A bar of frames with their rate and the time left; call it with how many are done."""

    def __init__(self, bar: Progress, total: int) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=total or None, status="")
        self.started: tuple[float, int] | None = None

    def __call__(self, done: int) -> None:
        now = time.perf_counter()
        if self.started is None:
            self.started = (now, done)
        elapsed, new = now - self.started[0], done - self.started[1]
        status = f"{new / elapsed:.2f} frames/s" if elapsed > 0 and new else ""
        self.bar.update(self.task, completed=done, status=status)

    def of(self, done: int, total: int) -> None:
        self.bar.update(self.task, total=total)
        self(done)


@contextmanager
def counting_frames(what: str, total: int) -> Iterator[FrameCounter]:
    """A counter of so many frames; 0 if nobody knows how many."""
    with counting(what) as bar:
        yield FrameCounter(bar, total)
