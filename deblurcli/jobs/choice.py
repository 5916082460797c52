"""Which of the planned tasks a run takes on: what is done already, what is too old, and whose share it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from deblurcli.display import display_name
from deblurcli.errors import UsageError
from deblurcli.images import OutputExists
from deblurcli.jobs.manifest import Manifest
from deblurcli.jobs.records import recorded_output
from deblurcli.jobs.stores.files import which_are_there
from deblurcli.jobs.stores.place import Place, absolute
from deblurcli.jobs.stores.scan import Found
from deblurcli.jobs.stores.sink import Sink
from deblurcli.jobs.task import Result, Status, Task

TOO_OLD = "older than --newer-than"
OVER_LIMIT = "beyond --limit"


@dataclass(frozen=True)
class Shard:
    """A share of the tasks: number 1 to `count` of `count`."""

    number: int
    count: int


@dataclass(frozen=True)
class Wanted:
    """Which tasks a user wants to be done.

    Attributes:
        overwrite: also those whose results are there.
        resume: also those whose results are there and not recorded as done from this very input with these settings.
        newer_than: only photos changed since this time, in seconds since 1970.
        limit: so many at most.
        shard: only this share.
    """

    overwrite: bool = False
    resume: bool = False
    newer_than: float | None = None
    limit: int | None = None
    shard: Shard | None = None


@dataclass
class Choice:
    """What a run takes on, what it need not do, and what it was told to leave."""

    todo: list[Task] = field(default_factory=list)
    skipped: list[Result] = field(default_factory=list)
    left_out: list[Found] = field(default_factory=list)


def parse_shard(text: str) -> Shard:
    """ "3/8" -> the third of eight.

    Raises:
        UsageError: for anything else.
    """
    number, slash, count = text.partition("/")
    if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise UsageError(f"--shard {text}: must be I/N with I from 1 to N, such as 3/8")


def in_shard(task: Task, shard: Shard) -> bool:
    """Whether a task belongs to a shard. Its name alone decides, so that machines agree without asking each other."""
    digest = hashlib.blake2b(os.fsencode(task.name), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shard.count == shard.number - 1


def parse_time(text: str) -> float:
    """Seconds since 1970 of a date such as 2024-05-31 or 2024-05-31T18:00 (local time), or of a file's last change.

    Raises:
        UsageError: if it is neither.
    """
    try:
        return Path(text).stat().st_mtime
    except (OSError, ValueError):
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"--newer-than {text}: no such file, and no date such as 2024-05-31") from None


def choose(tasks: Sequence[Task], wanted: Wanted, manifests: Mapping[Place, Manifest], settings: str) -> Choice:
    """Sort out what there is to do. Whose share a task is has been decided before.

    Args:
        tasks: as planned.
        wanted: by the user.
        manifests: by root.
        settings: of this run, see `Model.settings`.

    Raises:
        UsageError: if a task to resume has no folder that keeps records.
        StoreUnusable: if a store refuses.
    """
    choice = Choice()
    is_there = which_are_there(task.target for task in tasks)
    for task in tasks:
        if wanted.newer_than is not None and changed(task.source) < wanted.newer_than:
            choice.left_out.append(Found(task.source, TOO_OLD))
            continue
        decision = decide(task, wanted, manifests, settings, is_there)
        if isinstance(decision, Result):
            choice.skipped.append(decision)
        elif wanted.limit is not None and len(choice.todo) >= wanted.limit:
            choice.left_out.append(Found(task.source, OVER_LIMIT))
        else:
            choice.todo.append(decision)
    return choice


def decide(
    task: Task,
    wanted: Wanted,
    manifests: Mapping[Place, Manifest],
    settings: str,
    is_there: Callable[[Place | Sink], bool],
) -> Task | Result:
    """A task to be done, or why it need not be."""
    if wanted.resume and task.root is None:
        raise UsageError(
            "--resume: needs the records that are kept in a folder of results; give --output FOLDER, or leave it out: "
            "results that exist are skipped anyway"
        )
    there = [target for target in task.targets if is_there(target)]
    if wanted.overwrite or not there:
        return replace(task, overwrite=wanted.overwrite)
    known = same = False
    if task.root is not None:
        manifest = manifests[task.root]
        output = recorded_output(task, manifest)
        known = manifest.last(output) is not None
        same = manifest.finished(absolute(task.source), task.fingerprint, settings, output) is not None
    if known and task.target not in there:
        return replace(task, overwrite=True)
    whole = len(there) == len(task.targets)
    reason = reason_to_keep(known, same and (whole or not wanted.resume), wanted.resume)
    if reason is None:
        return replace(task, overwrite=True)
    return Result(task, Status.SKIPPED, error=OutputExists(f"{display_name(str(there[0]))}: {reason}"))


def reason_to_keep(known: bool, same: bool, resume: bool) -> str | None:
    """Why a result that is there is left as it is; None if it is to be made again.

    Args:
        known: whether a record tells of it.
        same: whether the newest one calls it done, from this very input and with these settings.
        resume: whether the user asks to go by the records.
    """
    if resume and same:
        return "done by an earlier run"
    if resume:
        return None if known else "exists, and no record says what made it; replace it with --overwrite"
    if known and not same:
        return "exists, but photo or settings have changed; --resume does it again"
    return "exists already; replace it with --overwrite"


def changed(source: Place) -> float:
    """When a file was last changed; one that cannot be asked counts as new, so that reading it tells why."""
    try:
        return source.stat().st_mtime if isinstance(source, Path) else float("inf")
    except (OSError, ValueError):
        return float("inf")
