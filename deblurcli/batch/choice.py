"""Which of the planned jobs a run takes on: what is done already, what is too old, and whose share it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from deblurcli.batch.manifest import NAME, Manifest
from deblurcli.batch.plan import Job
from deblurcli.batch.run import Options, Outcome, Status, source_fingerprint, targets_of
from deblurcli.batch.scan import Found
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import OutputExists

TOO_OLD = "older than --newer-than"
OVER_LIMIT = "beyond --limit"


@dataclass(frozen=True)
class Shard:
    """A share of the jobs: number 1 to `count` of `count`."""

    number: int
    count: int


@dataclass
class Choice:
    """What a run takes on, what it need not do, and what it was told to leave."""

    todo: list[Job]
    skipped: list[Outcome]
    left_out: list[Found]


def parse_shard(text: str) -> Shard:
    """ "3/8" -> the third of eight.

    Raises:
        UsageError: for anything else.
    """
    number, slash, count = text.partition("/")
    if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise UsageError(f"--shard {text}: must be I/N with I from 1 to N, such as 3/8")


def in_shard(job: Job, shard: Shard) -> bool:
    """Whether a job belongs to a shard. Its name alone decides, so that machines agree without asking each other."""
    digest = hashlib.blake2b(os.fsencode(job.name), digest_size=8).digest()
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


def open_manifests(jobs: Sequence[Job], shard: Shard | None) -> dict[Path, Manifest]:
    """The records of each folder of results. Shards that run at once write a file each, and read them all.

    Raises:
        InputError: if one cannot be read.
    """
    own = NAME + (f"-{shard.number}-of-{shard.count}" if shard else "") + ".jsonl"
    manifests = {}
    for root in dict.fromkeys(job.root for job in jobs if job.root is not None):
        try:
            others = [path for path in sorted(root.glob(NAME + "*.jsonl")) if path.name != own]
            manifests[root] = Manifest(root / own, others)
        except OSError as error:
            raise InputError(
                f"{display_name(error.filename or root)}: the records of earlier runs cannot be read "
                f"({error.strerror}); repair or remove this file"
            ) from None
    return manifests


def output_name(job: Job) -> str:
    """How a job's target is called in its root's manifest."""
    assert job.root is not None
    return job.target.relative_to(job.root).as_posix()


def choose_jobs(
    jobs: Sequence[Job],
    options: Options,
    manifests: Mapping[Path, Manifest],
    settings: str,
    *,
    resume: bool,
    newer_than: float | None = None,
    limit: int | None = None,
) -> Choice:
    """Sort out what there is to do.

    Args:
        jobs: as planned.
        options: of the run.
        manifests: by root.
        settings: of this run, see `settings_hash`.
        resume: do again what is not recorded as done from this very input and with these settings; otherwise every
            result that is there is left as it is, unless the options say to overwrite it.
        newer_than: leave out files last changed before this time, in seconds since 1970.
        limit: take on so many at most.

    Raises:
        UsageError: if a job to resume has no folder that keeps records.
    """
    choice = Choice([], [], [])
    for job in jobs:
        if newer_than is not None and changed(job.source) < newer_than:
            choice.left_out.append(Found(job.source, TOO_OLD))
            continue
        decision = decide(job, options, manifests, settings, resume)
        if isinstance(decision, Outcome):
            choice.skipped.append(decision)
        elif limit is not None and len(choice.todo) >= limit:
            choice.left_out.append(Found(job.source, OVER_LIMIT))
        else:
            choice.todo.append(decision)
    return choice


def decide(
    job: Job, options: Options, manifests: Mapping[Path, Manifest], settings: str, resume: bool
) -> Job | Outcome:
    """A job to be done, or why it need not be."""
    if resume and job.root is None:
        raise UsageError(
            "--resume: needs the records that are kept in a folder of results; give --output FOLDER, or leave it out: "
            "results that exist are skipped anyway"
        )
    there = [target for target in targets_of(job, options) if exists(target)]
    if options.overwrite or not there:
        return job
    known = same = False
    if job.root is not None:
        manifest, output = manifests[job.root], output_name(job)
        known = manifest.last(output) is not None
        finished = manifest.finished(recorded_name(job.source), source_fingerprint(job.source), settings, output)
        same = finished is not None
    if known and job.target not in there:
        return replace(job, replace=True)
    whole = len(there) == len(targets_of(job, options))
    reason = reason_to_keep(known, same and (whole or not resume), resume)
    if reason is None:
        return replace(job, replace=True)
    return Outcome(job, Status.SKIPPED, error=OutputExists(f"{display_name(there[0])}: {reason}"))


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


def recorded_name(source: Path) -> str:
    """How an input is called in a manifest, from wherever the command is run."""
    return os.path.abspath(source)  # noqa: PTH100, links stay as they are


def changed(source: Path) -> float:
    """When a file was last changed; one that cannot be asked counts as new, so that reading it tells why."""
    try:
        return source.stat().st_mtime
    except (OSError, ValueError):
        return float("inf")


def exists(target: Path) -> bool:
    try:
        return target.exists()
    except OSError:  # a name too long, which will be told when it is the job's turn
        return False
