"""From the inputs and the output that a user names to photos to restore, decided before any work begins."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deblurcli.atomic import remove_leftovers
from deblurcli.batch.choice import reason_to_keep
from deblurcli.batch.manifest import Manifest
from deblurcli.batch.names import refuse_clashes
from deblurcli.batch.plan import job, refuse_as_folder
from deblurcli.cluster.stores import File, Image, Listing, existing, image, is_folder, is_local, list_images, place
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError


@dataclass(frozen=True)
class Task:
    """One photo to restore.

    Attributes:
        source, target: where it is and where the result goes.
        fingerprint: of the source.
        format: of the result, in Pillow's words.
        overwrite: whether the target may be replaced.
    """

    source: File
    target: File
    fingerprint: str
    format: str
    overwrite: bool = False


@dataclass(frozen=True)
class TaskPlan:
    """What there is to do.

    Attributes:
        folder: of the results, as `place` gives it.
        inputs: the folders to read from, likewise.
        tasks: a photo each; no two have the same target, and none is a source.
        left_out: how many entries of the inputs are no photographs, by reason.
    """

    folder: str
    inputs: tuple[str, ...]
    tasks: list[Task]
    left_out: Counter[str]


def plan_tasks(inputs: Sequence[str], output: str, *, recursive: bool, format: str | None) -> TaskPlan:
    """Decide every output: photos go into the folder `output`, with their names; those of a folder with their
    subfolders too.

    Args:
        inputs: photos and folders, as paths or URLs.
        output: a folder, as path or URL; it need not be there.
        recursive: also look into the subfolders of a folder.
        format: Pillow's name of the format to write; by default the input's.

    Raises:
        UsageError: if two outputs are the same, or one is an input, or a store is of no known kind.
        InputError: if there is nothing to do, or an input is not there.
        StoreUnusable: if a store refuses.
    """
    folder = place(output)
    if not (is_local(folder) and Path(folder).is_dir()):
        refuse_as_folder(display_name(folder), is_local(folder) and Path(folder).exists())
    listings = [listing_of(place(text), recursive, folder) for text in inputs]
    tasks = [planned(found, folder, format) for listing in listings for found in listing.images]
    left_out = sum((listing.left_out for listing in listings), Counter[str]())
    if not tasks:
        reasons = "".join(f"; left out: {count} {reason}" for reason, count in left_out.items())
        raise InputError(f"{', '.join(map(display_name, inputs))}: no images found{reasons}")
    refuse_same(tasks)
    return TaskPlan(folder, tuple(dict.fromkeys(task.source.folder for task in tasks)), tasks, left_out)


def listing_of(source: str, recursive: bool, output: str) -> Listing:
    if source == output:
        raise UsageError(f"{display_name(source)}: the output folder is the input folder; give another --output")
    if is_folder(source):
        return list_images(source, recursive=recursive, leave_out=output)
    if is_local(source):
        return Listing([image(File(str(Path(source).parent), Path(source).name))])
    folder, _, name = source.rpartition("/")
    return Listing([image(File(folder, name))])


def planned(found: Image, folder: str, format: str | None) -> Task:
    name = Path(found.file.name)
    content = found.file.path if is_local(found.file.folder) else None
    named = job(name, name.with_suffix(""), format, None, found.file.name, content)
    return Task(found.file, File(folder, named.target.as_posix()), found.fingerprint, named.format)


def refuse_same(tasks: Sequence[Task]) -> None:
    sources = {str(task.source) for task in tasks}
    taken: dict[str, Task] = {}
    for task in tasks:
        target = str(task.target)
        if target in sources:
            raise UsageError(
                f"{display_name(target)}: is an input, and inputs are never overwritten; choose another --output"
            )
        if first := taken.get(target):
            raise UsageError(
                f"{display_name(str(first.source))} and {display_name(str(task.source))} would both become "
                f"{display_name(target)}; rename one of them"
            )
        taken[target] = task
    if all(is_local(task.source.folder) and is_local(task.target.folder) for task in tasks):
        # There may be links, and disks that do not tell capitals from small letters.
        refuse_clashes([(task.source.path, task.target.path) for task in tasks])


def clear_leftovers(plan: TaskPlan) -> None:
    """Remove what killed runs left in local folders of results."""
    if is_local(plan.folder):
        for parent in {Path(plan.folder), *(task.target.path.parent for task in plan.tasks)}:
            with contextlib.suppress(OSError):
                remove_leftovers(parent)


def choose_tasks(
    plan: TaskPlan, manifest: Manifest, settings: str, *, overwrite: bool, resume: bool
) -> tuple[list[Task], list[tuple[Task, str]]]:
    """The tasks to take on, and those to skip with the reason.

    Args:
        plan: of the run.
        manifest: the records of earlier runs.
        settings: of this run, see `settings_hash`.
        overwrite: replace whatever is there.
        resume: do again what is not recorded as done from this very input and with these settings; results that no
            record knows are left as they are.

    Raises:
        StoreUnusable: if the output's store refuses.
    """
    there = existing(plan.folder, {task.target.name for task in plan.tasks})
    todo: list[Task] = []
    skipped: list[tuple[Task, str]] = []
    for task in plan.tasks:
        if overwrite or task.target.name not in there:
            todo.append(replace(task, overwrite=overwrite))
            continue
        output = recorded_output(task.target, manifest.path)
        known = manifest.last(output) is not None
        same = manifest.finished(str(task.source), task.fingerprint, settings, output) is not None
        reason = reason_to_keep(known, same, resume)
        if reason is None:
            todo.append(replace(task, overwrite=True))
        else:
            skipped.append((task, reason))
    return todo, skipped


def recorded_output(target: File, manifest: Path) -> str:
    """How a result is called in a manifest: relative to its folder where it is inside."""
    if is_local(target.folder) and target.path.is_relative_to(manifest.parent):
        return target.path.relative_to(manifest.parent).as_posix()
    return str(target)
