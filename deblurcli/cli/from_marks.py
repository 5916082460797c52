"""`deblur --from-marks FILE`: doing again, or removing, what was marked in a review."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deblurcli.cli.console import console
from deblurcli.cli.many import Request, restore_many
from deblurcli.display import counted, display_name
from deblurcli.errors import ExitCode
from deblurcli.images import format_for
from deblurcli.jobs.manifest import NAME
from deblurcli.jobs.names import comparison_paths, refuse_clashes
from deblurcli.jobs.plan import Plan
from deblurcli.jobs.task import Task
from deblurcli.review.decided import decide, remove_results
from deblurcli.review.marks import Marked, read_marks


def follow_marks(path: Path, request: Request, *, dry_run: bool) -> ExitCode:
    """Remove what is marked so, and restore again what is marked so, with the model and strength of this command.

    Raises:
        DeblurError: if the marks cannot be followed at all.
    """
    marks = read_marks(path)
    decided = decide(marks)
    records = marks.folder if any(marks.folder.glob(NAME + "*.jsonl")) else None
    tasks = [task_of(each, records) for each in decided.redo]
    pairs = [(task.source, task.target) for task in tasks]
    refuse_clashes(pairs)
    if request.options.compare:
        tasks = [replace(task, comparison=path) for task, path in zip(tasks, comparison_paths(pairs), strict=True)]
    for line in decided.left_alone:
        console.say(f"deblur: {line}")
    for each in decided.remove:
        console.say(f"{'would remove' if dry_run else 'removed'} {display_name(each.after)}")
    if not dry_run:
        remove_results(decided.remove)
    console.say(f"{counted(len(decided.remove), 'result')} to remove, {len(tasks)} to do again")
    if not tasks:
        return ExitCode.OK
    again = replace(request, wanted=replace(request.wanted, overwrite=True))
    return restore_many(Plan(tasks, []), again, dry_run=dry_run)


def task_of(each: Marked, records: Path | None) -> Task:
    """The photo again, to the same place."""
    return Task(each.before, each.after, format_for(each.after), records, each.name)
