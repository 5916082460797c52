"""What is told about each photo: a line to a person, a JSON object to a program, and everything to a log."""

from __future__ import annotations

from typing import Any

from deblurcli.cli.console import console
from deblurcli.display import display_name
from deblurcli.jobs.stores.scan import UNREADABLE, Found
from deblurcli.jobs.task import By, Result, Status, Task

BAD = (Status.FAILED, Status.GUARDED)


def say_result(result: Result, loaded: By | None = None, only_log: bool = False) -> None:
    """Tell about a photo to whoever listens.

    Args:
        result: what became of it.
        loaded: what restores the photos of this run, which is told also of those that it could not.
        only_log: no line on stderr, unless it is a problem.
    """
    line = line_of_result(result)
    console.note(f"{result.status.value}: {' |'.join(line.splitlines())}")
    if result.status in BAD:
        console.problem(line)
    elif result.status is not Status.NOT_DONE and not only_log:
        console.say(line)
    console.tell(record_of_result(result, loaded))


def line_of_result(result: Result) -> str:
    """What is said about a photo."""
    name, target = display_name(result.task.source), display_name(result.task.target)
    if result.error:
        return f"skipped: {result.error}" if result.status is Status.SKIPPED else str(result.error)
    if result.status is Status.NOT_DONE:
        return name
    if result.status is Status.GUARDED:
        return f"{name} -> {target}: {result.notes[-1]}"
    assert result.size is not None
    width, height = result.size
    machine = f", {result.by.machine}" if result.by and result.by.machine else ""
    lines = [f"{name} -> {target} ({width}x{height}, {result.seconds:.1f} s{machine})"]
    lines += [f"  {note}" for note in result.notes]
    if result.comparison:
        lines.append(f"  before/after: {display_name(result.comparison)}")
    return "\n".join(lines)


def left_out_line(found: Found) -> str:
    """What a log is told about something that is left out; a person only about folders that cannot be read."""
    if found.reason == UNREADABLE:
        return f"{display_name(found.path)}: this folder cannot be read ({found.detail}); check its owner and mode"
    return f"left out: {display_name(found.path)} ({found.reason})"


def record_of_result(result: Result, loaded: By | None) -> dict[str, Any]:
    """What a program is told about a photo."""
    width, height = result.size or (None, None)
    by = result.by or loaded
    return {
        "input": str(result.task.source),
        "output": str(result.task.target),
        "compare": str(result.comparison) if result.comparison else None,
        "status": result.status.value,
        "error": str(result.error) if result.error else None,
        "notes": list(result.notes),
        "width": width,
        "height": height,
        "mean_change_8bit": result.change,
        "seconds": round(result.seconds, 3),
        "model": by.model if by else None,
        "device": result.by.device if result.by else None,
        "precision": by.precision if by else None,
        "machine": result.by.machine if result.by else None,
    }


def record_of_left_out(found: Found) -> dict[str, Any]:
    """What a program is told about something that is left out, or a folder that cannot be read."""
    failed = found.reason == UNREADABLE
    return {
        "input": str(found.path),
        "status": Status.FAILED.value if failed else "left out",
        "error": f"this folder cannot be read ({found.detail})" if failed else found.reason,
    }


def record_of_plan(task: Task) -> dict[str, Any]:
    """What a program is told about a photo that a dry run would restore."""
    return {"input": str(task.source), "output": str(task.target), "status": "planned"}
