"""Carrying out a plan of many photos, and telling about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.cli.console import console
from deblurcli.cli.interrupt import stopped_by_signals
from deblurcli.cli.one import load, load_and_say
from deblurcli.cli.progress import duration, photo_progress
from deblurcli.cli.report import BAD, left_out_line, record_of_left_out, record_of_plan, say_result
from deblurcli.cli.summary import Tally, record_of_summary, summary_lines
from deblurcli.display import display_name
from deblurcli.errors import ExitCode
from deblurcli.jobs.choice import Wanted, choose, in_shard
from deblurcli.jobs.events import Ended, Event
from deblurcli.jobs.model import Model
from deblurcli.jobs.outputs import clear, prepare_roots
from deblurcli.jobs.pace import Pace
from deblurcli.jobs.pipeline import restore_here
from deblurcli.jobs.plan import Plan
from deblurcli.jobs.records import Records, open_manifests
from deblurcli.jobs.run import Run, Stop
from deblurcli.jobs.stores.place import Url
from deblurcli.jobs.stores.scan import UNREADABLE, Found
from deblurcli.jobs.task import By, Options, Result, Status, Task

if TYPE_CHECKING:
    from deblurcli.jobs.on_ray.engine import Cluster

STOPPING = "deblur: stopping; what is restored already is still written. Ctrl-C again stops at once\n"


@dataclass(frozen=True)
class Way:
    """How a run gets through its photos.

    Attributes:
        cluster: where; None for this process.
        lanes: files to read, and to write, at once; by default by the cores.
        fail_fast: stop at the first failure.
        manifest: the file of the records, if it is another than usual.
    """

    cluster: Cluster | None = None
    lanes: int | None = None
    fail_fast: bool = False
    manifest: Path | None = None


@dataclass(frozen=True)
class Request:
    """What the user asks for, besides inputs and outputs."""

    model: Model
    options: Options
    wanted: Wanted = field(default_factory=Wanted)
    way: Way = field(default_factory=Way)


class Told:
    """Where everything that happens is told and counted."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.loaded: By | None = None
        self.code = ExitCode.OK

    def result(self, result: Result) -> None:
        """Of those skipped only the count is said, and of those done while a bar counts them."""
        plain = result.status is Status.DONE and not result.notes and console.bars is not None
        self.tally.add(result)
        say_result(result, self.loaded, plain or result.status is Status.SKIPPED)
        if result.status in BAD:
            self.code = ExitCode.SOME_FAILED

    def left_out(self, found: Found) -> None:
        self.tally.leave_out(found)
        console.note(left_out_line(found))
        if found.reason == UNREADABLE:
            self.code = ExitCode.SOME_FAILED
            console.problem(left_out_line(found))
        console.tell(record_of_left_out(found))

    def end(self, stopped: str | None = None) -> ExitCode:
        """Tell the summary; gives what the process should end with."""
        for line in summary_lines(self.tally):
            console.note(line.strip())
            console.say(line)
        console.tell(record_of_summary(self.tally, stopped))
        return ExitCode.SOME_FAILED if console.unheard and self.code is ExitCode.OK else self.code


def restore_many(plan: Plan, request: Request, *, dry_run: bool = False) -> ExitCode:
    """Restore what was planned; returns what the process should end with.

    Raises:
        DeblurError: if it cannot begin.
    """
    told, tasks = Told(), plan.tasks
    shard = request.wanted.shard
    if shard:
        tasks = [task for task in tasks if in_shard(task, shard)]
        console.say(f"share {shard.number} of {shard.count}: {len(tasks):,} of {len(plan.tasks):,} photos")
    for found in plan.left_out:
        told.left_out(found)
    records = records_of(tasks, request)
    choice = choose(tasks, request.wanted, records.manifests, records.settings)
    for result in choice.skipped:
        told.result(result)
    for found in choice.left_out:
        told.left_out(found)
    if dry_run:
        return rehearse(choice.todo, request, told)
    clear(tasks)
    if not choice.todo:
        return told.end()
    return work(choice.todo, request, told, records)


def records_of(tasks: Sequence[Task], request: Request) -> Records:
    shard = request.wanted.shard
    name = f"{shard.number}-of-{shard.count}" if shard else ""
    return Records(open_manifests(tasks, name, request.way.manifest), request.model.settings(request.options))


def work(tasks: Sequence[Task], request: Request, told: Told, records: Records) -> ExitCode:
    way, stop = request.way, Stop()
    deblurrers = [] if way.cluster else load_and_say(request.model)
    if deblurrers:
        first = deblurrers[0]
        told.loaded = By(first.info.name, str(first.device), first.precision)
    roots = prepare_roots(tasks)
    told.tally.restart_clock()
    pace = Pace([task.source for task in tasks], len(tasks))
    with (
        records.kept(),
        photo_progress(pace) as progress,
        stopped_by_signals(stop, STOPPING) as interrupted,
    ):

        def tell(event: Event) -> None:
            progress(event)
            if isinstance(event, Ended):
                told.result(event.result)
                if console.deserted or (way.fail_fast and event.result.status in BAD):
                    stop.request()

        run = Run(request.options, records, roots, tell, stop)
        if way.cluster:
            from deblurcli.jobs.on_ray.engine import restore_on_ray

            restore_on_ray(tasks, request.model, way.cluster, run)
        else:
            restore_here(tasks, deblurrers, run, way.lanes or default_lanes())
    in_store = any(isinstance(task.root, Url) for task in tasks)
    again = "with --resume" if in_store or way.cluster else "again"
    if request.wanted.overwrite:
        again = "with --resume in place of --overwrite"
    return end(told, interrupted.seen, stop, again)


def end(told: Told, interrupted: bool, stop: Stop, again: str) -> ExitCode:
    """Tell the summary, why the run ended before all was done if it did, and how to go on."""
    left = told.tally.counts[Status.NOT_DONE]
    reason = None
    if stop.lost:
        reason, told.code = str(stop.lost), ExitCode.SOME_FAILED
    elif interrupted:
        reason, told.code = "interrupted", ExitCode.INTERRUPTED
    elif left:
        reason = "nobody reads standard output any more" if console.deserted else "--fail-fast"
    code = told.end(reason)
    if reason:
        console.problem(f"{reason}; not done: {left:,}; the same command {again} goes on with the rest")
    return code


def rehearse(tasks: Sequence[Task], request: Request, told: Told) -> ExitCode:
    """Tell what would be done, and in what time."""
    from deblurcli.jobs.estimate import estimate

    for task in tasks:
        console.say(f"{display_name(task.source)} -> {display_name(task.target)}")
        console.tell(record_of_plan(task))
    told.tally.planned = len(tasks)
    guess = estimate(tasks, load(request.model), request.options.strength) if tasks else None
    if guess:
        width, height = guess.sample
        sizes = f"{guess.pixels / 1e6:,.1f} megapixels"
        if guess.unknown:
            sizes += f" and {guess.unknown:,} of unknown size"
        console.say(
            f"would take about {duration(guess.seconds)}: {sizes} at {guess.per_second / 1e6:.2f} a second, measured "
            f"by restoring {width}x{height} pixels of one of them"
        )
        told.tally.estimated_seconds = round(guess.seconds, 1)
    return told.end()


def default_lanes() -> int:
    """Readers and writers that keep an engine busy; more of them only fill memory."""
    return min(max((os.cpu_count() or 1) // 2, 2), 8)
