"""What is told at the end of a run: how many photos were done, skipped, left out and failed, and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deblurcli.cli.progress import duration
from deblurcli.display import display_name
from deblurcli.jobs.stores.place import Place
from deblurcli.jobs.stores.scan import UNREADABLE, Found
from deblurcli.jobs.task import Result, Status

MOST_REASONS = 12  # that are printed; --json has them all


@dataclass
class Tally:
    """What became of the photos so far, without the photos: there may be a million.

    Attributes:
        counts: by status.
        reasons: by status and reason, of what was skipped or has failed.
        left_out: by reason.
        pixels: restored.
        planned, estimated_seconds: of a dry run.
        started: when the work began, in seconds of `time.perf_counter`.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    reasons: Counter[tuple[Status, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    pixels: int = 0
    planned: int = 0
    estimated_seconds: float | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def failed(self) -> int:
        return self.counts[Status.FAILED] + self.counts[Status.GUARDED]

    def restart_clock(self) -> None:
        """When the model is loaded."""
        self.started = time.perf_counter()

    def add(self, result: Result) -> None:
        """What became of a photo."""
        status, task = result.status, result.task
        self.counts[status] += 1
        if result.size and status in (Status.DONE, Status.GUARDED):
            self.pixels += result.size[0] * result.size[1]
        if status is Status.GUARDED:
            self.reasons[status, "the model failed on a part, where the input was kept"] += 1
        elif result.error:
            error = str(result.error)
            for file in (task.source, task.target, *([task.target.parent] if isinstance(task.target, Place) else [])):
                error = error.removeprefix(f"{display_name(file)}: ")
            self.reasons[status, error] += 1

    def leave_out(self, found: Found) -> None:
        """An unreadable folder has failed: nobody knows what is in it."""
        if found.reason == UNREADABLE:
            self.counts[Status.FAILED] += 1
            self.reasons[Status.FAILED, f"a folder that cannot be read ({found.detail})"] += 1
        elif found.reason:
            self.left_out[found.reason] += 1


def record_of_summary(tally: Tally, stopped: str | None) -> dict[str, Any]:
    """What a program is told at the end, in an object of its own."""
    seconds = time.perf_counter() - tally.started
    counts = {status.value: tally.counts[status] for status in Status}
    reasons: dict[str, dict[str, int]] = {}
    for (status, reason), count in tally.reasons.most_common():
        reasons.setdefault(status.value, {})[reason] = count
    return {
        "summary": {
            **counts,
            "planned": tally.planned,
            "left out": sum(tally.left_out.values()),
            "reasons": {**reasons, "left out": dict(tally.left_out.most_common())},
            "megapixels": round(tally.pixels / 1e6, 3),
            "seconds": round(seconds, 3),
            "estimated_seconds": tally.estimated_seconds,
            "stopped": stopped,
        }
    }


def summary_lines(tally: Tally) -> list[str]:
    """What a person is told at the end: the counts, then a table of the reasons."""
    counts = ", ".join(f"{count:,} {status.value}" for status in Status if (count := tally.counts[status]))
    if tally.planned:
        counts = ", ".join(filter(None, [f"{tally.planned:,} to do", counts]))
    seconds = time.perf_counter() - tally.started
    speed = f" in {duration(seconds)}, {tally.pixels / 1e6 / seconds:.2f} MP/s" if tally.pixels else ""
    rows = [(status.value, count, reason) for (status, reason), count in tally.reasons.most_common()]
    rows += [("left out", count, reason) for reason, count in tally.left_out.most_common()]
    return [f"{counts or 'nothing to do'}{speed}", *in_columns(rows)]


def in_columns(rows: Sequence[tuple[str, int, str]]) -> list[str]:
    """Rows in columns; the first ones if they are many."""
    shown = rows[:MOST_REASONS]
    width = max((len(f"{count:,}") for _, count, _ in shown), default=0)
    lines = [f"  {kind:9} {count:>{width},}  {reason}" for kind, count, reason in shown]
    if len(rows) > len(shown):
        lines.append(f"  and {len(rows) - len(shown):,} other reasons; --json has them all")
    return lines
