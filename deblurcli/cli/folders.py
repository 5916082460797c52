"""Restoring what was planned, be it one photo or a whole archive, and telling about it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deblurcli.batch.choice import Choice, Shard, choose_jobs, in_shard, open_manifests
from deblurcli.batch.ledger import Ledger
from deblurcli.batch.outputs import clear, prepare_roots
from deblurcli.batch.pace import Pace
from deblurcli.batch.pipeline import Stop, run_jobs
from deblurcli.batch.plan import Job, Plan
from deblurcli.batch.run import Options, Outcome, Status, settings_of
from deblurcli.batch.scan import UNREADABLE, Found
from deblurcli.cli.edge import say
from deblurcli.cli.interrupt import stopped_by_signals
from deblurcli.cli.progress import FileProgress, duration
from deblurcli.cli.report import (
    Log,
    Model,
    left_out_line,
    line_of_outcome,
    log_line,
    print_json,
    record_of_left_out,
    record_of_outcome,
    record_of_plan,
)
from deblurcli.cli.summary import Tally, record_of_summary, summary_lines
from deblurcli.digest import sha256_of
from deblurcli.display import display_name
from deblurcli.errors import ExitCode, OutputError
from deblurcli.models.files import find_weights
from deblurcli.models.load import DEFAULT

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

BAD = (Status.FAILED, Status.GUARDED)
STOPPING = "deblur: stopping; what is restored already is still written. Ctrl-C again stops at once\n"


@dataclass(frozen=True)
class Request:
    """What the user asks for, besides inputs and outputs; each as the option of its name."""

    model: str | None
    device: str
    precision: str
    tta: bool
    format: str | None
    options: Options
    resume: bool
    dry_run: bool
    fail_fast: bool
    limit: int | None
    newer_than: float | None
    shard: Shard | None
    jobs: int | None
    log: Path | None
    quiet: bool
    as_json: bool

    def say(self, line: str) -> None:
        """On stderr, unless the user wants it quiet."""
        if not self.quiet:
            say(line)


class Told:
    """Where everything that happens is told and counted.

    Args:
        request: says how much is told.
        single: whether it is about one photo, which is told about as if there were no others.
    """

    def __init__(self, request: Request, single: bool) -> None:
        self.request, self.single = request, single
        self.log = Log(request.log)
        self.tally = Tally()
        self.model = Model()
        self.code = ExitCode.OK
        self.unheard = False  # what is printed for programs
        self.deserted = False  # by the program that read it

    def outcome(self, outcome: Outcome, progress: FileProgress | None = None) -> None:
        job, error = outcome.job, str(outcome.error) if outcome.error else None
        self.tally.add(outcome.status, outcome.size, error, (job.source, job.target, job.target.parent))
        self.log.write(log_line(outcome))
        if outcome.status in BAD:
            self.code = outcome.error.exit_code if self.single and outcome.error else ExitCode.SOME_FAILED
        if not self.only_counted(outcome, progress) and (line := line_of_outcome(outcome, self.request.quiet)):
            (progress.say if progress else say)(line)
        if not (self.single and outcome.status is Status.NOT_DONE):
            self.json(record_of_outcome(outcome, self.model))

    def json(self, record: dict[str, Any]) -> None:
        """On standard output, if that is wanted. Once it cannot be written it is told so, and the run goes on."""
        if not self.request.as_json or self.unheard:
            return
        try:
            print_json(record)
        except OutputError as error:
            self.unheard, self.code = True, ExitCode.SOME_FAILED
            say(f"deblur: {error}; the photos are restored all the same")
        except BrokenPipeError:
            self.unheard = self.deserted = True
            self.code = ExitCode.SOME_FAILED

    def only_counted(self, outcome: Outcome, progress: FileProgress | None) -> bool:
        """Whether it gets no line on stderr: of many photos those skipped, and those done while a bar counts them."""
        if self.single:
            return False
        plain = outcome.status is Status.DONE and not outcome.notes and progress is not None and progress.shown
        return plain or outcome.status is Status.SKIPPED

    def left_out(self, found: Found) -> None:
        self.tally.leave_out(found)
        self.log.write(left_out_line(found))
        if found.reason == UNREADABLE:
            self.code = ExitCode.SOME_FAILED
            say(f"deblur: {left_out_line(found)}")
        self.json(record_of_left_out(found))

    def end(self, stopped: str | None = None) -> None:
        lines = summary_lines(self.tally)
        for line in lines:
            self.log.write(line.strip())
            if not self.single:
                self.request.say(line)
        if not self.single:
            self.json(record_of_summary(self.tally, stopped))


def restore_all(plan: Plan, request: Request, *, single: bool) -> ExitCode:
    """Restore what was planned; returns what the process should end with.

    Raises:
        DeblurError: if it cannot begin.
    """
    told = Told(request, single)
    planned = len(plan.jobs)
    jobs = [job for job in plan.jobs if request.shard is None or in_shard(job, request.shard)]
    if request.shard:
        request.say(f"share {request.shard.number} of {request.shard.count}: {len(jobs):,} of {planned:,} photos")
    for found in plan.left_out:
        told.left_out(found)
    settings, manifests = ("", {}) if single else (hash_of_settings(request), open_manifests(jobs, request.shard))
    choice = choose_jobs(
        jobs,
        request.options,
        manifests,
        settings,
        resume=request.resume,
        newer_than=request.newer_than,
        limit=request.limit,
    )
    for outcome in choice.skipped:
        told.outcome(outcome)
    for found in choice.left_out:
        told.left_out(found)
    if not request.dry_run:
        clear(jobs)
    if request.dry_run:
        rehearse(choice, request, told)
    elif choice.todo:
        run(choice.todo, request, told, Ledger(manifests, settings))
    else:
        told.end()
    return told.code


def model_of(request: Request) -> str:
    """The name or file of the model."""
    return request.model or DEFAULT


def hash_of_settings(request: Request) -> str:
    sha256 = sha256_of(find_weights(model_of(request), request.say))
    return settings_of(sha256, request.precision, request.tta, request.format, request.options)


def load_deblurrers(request: Request) -> list[Deblurrer]:
    """The model, once for each device."""
    if request.quiet:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    model = model_of(request)
    find_weights(model, request.say)  # before the seconds that torch takes to load
    from deblurcli.restore.deblurrer import Deblurrer
    from deblurcli.restore.device import device_list

    return [Deblurrer(model, device, request.precision, tta=request.tta) for device in device_list(request.device)]


def run(jobs: list[Job], request: Request, told: Told, ledger: Ledger) -> None:
    deblurrers = load_deblurrers(request)
    first = deblurrers[0]
    told.model = Model(first.info.name, first.precision)
    request.say(f"{first.info.name} on {', '.join(str(each.device) for each in deblurrers)}, {first.precision}")
    roots = prepare_roots(jobs)
    pace = None if told.single else Pace([job.source for job in jobs], len(jobs))
    told.tally.restart_clock()
    stop = Stop()
    with ExitStack() as stack:
        for manifest in ledger.manifests.values():
            stack.enter_context(manifest)
        progress = stack.enter_context(FileProgress(pace, request.quiet))
        interrupted = stack.enter_context(stopped_by_signals(stop, "" if told.single else STOPPING))

        def tell(outcome: Outcome) -> None:
            progress.end(outcome.status)
            told.outcome(outcome, progress)
            if told.deserted or (request.fail_fast and outcome.status in BAD):
                stop.request()

        run_jobs(
            jobs,
            deblurrers,
            request.options,
            ledger=ledger,
            roots=roots,
            lanes=1 if told.single else request.jobs or default_lanes(),
            stop=stop,
            tell=tell,
            begin=progress.begin,
            advance=progress.advance,
        )
    ended_early(request, told, interrupted.seen, stop)


def ended_early(request: Request, told: Told, interrupted: bool, stop: Stop) -> None:
    """Tell the summary, why the run ended before all was done if it did, and how to go on."""
    left = told.tally.counts[Status.NOT_DONE]
    reason = None
    if stop.lost:
        reason, told.code = str(stop.lost), ExitCode.SOME_FAILED
    elif interrupted:
        reason, told.code = "interrupted", ExitCode.INTERRUPTED
    elif left:
        reason = "nobody reads standard output any more" if told.deserted else "--fail-fast"
    told.end(reason)
    if reason and told.single:
        if interrupted:
            say(f"deblur: {reason}")
    elif reason:
        again = "with --resume in place of --overwrite" if request.options.overwrite else "again"
        say(f"deblur: {reason}; not done: {left:,}; the same command {again} goes on with the rest")


def rehearse(choice: Choice, request: Request, told: Told) -> None:
    """Tell what would be done, and in what time."""
    from deblurcli.batch.estimate import estimate

    for job in choice.todo:
        request.say(f"{display_name(job.source)} -> {display_name(job.target)}")
        told.json(record_of_plan(job))
    told.tally.planned = len(choice.todo)
    guess = estimate(choice.todo, load_deblurrers(request), request.options.strength) if choice.todo else None
    if guess:
        width, height = guess.sample
        sizes = f"{guess.pixels / 1e6:,.1f} megapixels"
        if guess.unknown:
            sizes += f" and {guess.unknown:,} of unknown size"
        request.say(
            f"would take about {duration(guess.seconds)}: {sizes} at {guess.per_second / 1e6:.2f} a second, measured "
            f"by restoring {width}x{height} pixels of one of them"
        )
        told.tally.estimated_seconds = round(guess.seconds, 1)
    told.end()


def default_lanes() -> int:
    """Readers and writers that keep an engine busy; more of them only fill memory."""
    return min(max((os.cpu_count() or 1) // 2, 2), 8)
