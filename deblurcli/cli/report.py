"""What is told about each photo: a line to a person, a JSON object to a program, and everything to a log."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from deblurcli.batch.plan import Job
from deblurcli.batch.run import Outcome, Status
from deblurcli.batch.scan import UNREADABLE, Found
from deblurcli.display import display_name
from deblurcli.errors import OutputError


@dataclass(frozen=True)
class Model:
    """What restores the photos, as a program is told; nothing if none had to be loaded."""

    name: str | None = None
    precision: str | None = None


class Log:
    """A file that is told everything, with the time. Without a path it is told nothing.

    Raises:
        OutputError: if it cannot be opened. A disk that fills up later only ends the log.
    """

    def __init__(self, path: Path | None) -> None:
        self.file: TextIO | None = None
        if path is not None:
            try:
                self.file = path.open("a", encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise OutputError(
                    f"{display_name(path)}: the log cannot be written ({error.strerror}); choose another file"
                ) from None

    def write(self, line: str) -> None:
        if self.file:
            try:
                self.file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}\n")
                self.file.flush()
            except OSError:
                self.file = None


def line_of_outcome(outcome: Outcome, quiet: bool) -> str | None:
    """What a person is told about a photo."""
    name, target = display_name(outcome.job.source), display_name(outcome.job.target)
    if outcome.status is Status.FAILED:
        return f"deblur: {outcome.error}"
    if outcome.status is Status.GUARDED:
        return f"deblur: {name} -> {target}: {outcome.notes[-1]}"
    if quiet or outcome.status is Status.NOT_DONE:
        return None
    if outcome.status is Status.SKIPPED:
        return f"skipped: {outcome.error}"
    assert outcome.size is not None
    width, height = outcome.size
    lines = [f"{name} -> {target} ({width}x{height}, {outcome.seconds:.1f} s)"]
    lines += [f"  {note}" for note in outcome.notes]
    if outcome.compare:
        lines.append(f"  before/after: {display_name(outcome.compare)}")
    return "\n".join(lines)


def left_out_line(found: Found) -> str:
    """What a log is told about something that is left out; a person only about folders that cannot be read."""
    if found.reason == UNREADABLE:
        return f"{display_name(found.path)}: this folder cannot be read ({found.detail}); check its owner and mode"
    return f"left out: {display_name(found.path)} ({found.reason})"


def log_line(outcome: Outcome) -> str:
    """What the log is told about a photo: one line that begins with the status."""
    about = (line_of_outcome(outcome, quiet=False) or display_name(outcome.job.source)).removeprefix("deblur: ")
    return f"{outcome.status.value}: {' |'.join(about.removeprefix('skipped: ').splitlines())}"


def record_of_outcome(outcome: Outcome, model: Model) -> dict[str, Any]:
    """What a program is told about a photo."""
    width, height = outcome.size or (None, None)
    return {
        "input": os.fsdecode(outcome.job.source),
        "output": os.fsdecode(outcome.job.target),
        "compare": os.fsdecode(outcome.compare) if outcome.compare else None,
        "status": outcome.status.value,
        "error": str(outcome.error) if outcome.error else None,
        "notes": list(outcome.notes),
        "width": width,
        "height": height,
        "mean_change_8bit": outcome.change,
        "seconds": round(outcome.seconds, 3),
        "model": model.name,
        "device": outcome.device,
        "precision": model.precision,
    }


def record_of_left_out(found: Found) -> dict[str, Any]:
    """What a program is told about something that is left out, or a folder that cannot be read."""
    failed = found.reason == UNREADABLE
    return {
        "input": os.fsdecode(found.path),
        "status": Status.FAILED.value if failed else "left out",
        "error": f"this folder cannot be read ({found.detail})" if failed else found.reason,
    }


def record_of_plan(job: Job) -> dict[str, Any]:
    """What a program is told about a photo that a dry run would restore."""
    return {"input": os.fsdecode(job.source), "output": os.fsdecode(job.target), "status": "planned"}


def print_json(record: dict[str, Any]) -> None:
    print(json.dumps(record), flush=True)
