"""What happens while photos are restored, for whoever shows or counts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deblurcli.jobs.task import Result, Task


@dataclass(frozen=True)
class Begun:
    """An engine, by its number, begins a photo of so many pixels; with it those that are restored together."""

    engine: int
    task: Task
    pixels: int


@dataclass(frozen=True)
class Advanced:
    """An engine has done this share of what it has begun, 0 to 1."""

    engine: int
    share: float


@dataclass(frozen=True)
class Ended:
    """Something has become of a photo."""

    result: Result


Event = Begun | Advanced | Ended
Tell = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Tells nobody."""
