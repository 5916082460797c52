"""A run from its plan to its results: an engine, the records, and an early end where going on is of no use."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurcli.batch.manifest import Manifest
from deblurcli.batch.outputs import OutputLost
from deblurcli.batch.pipeline import Stop
from deblurcli.batch.run import Options, settings_of
from deblurcli.cluster.here import restore_here
from deblurcli.cluster.on_ray import WorkerSpec, restore_on_ray
from deblurcli.cluster.ray_cluster import connected, share_of
from deblurcli.cluster.records import record_ended, record_started
from deblurcli.cluster.shared import marked
from deblurcli.cluster.stores import make_folder
from deblurcli.cluster.tasks import Task, TaskPlan, clear_leftovers
from deblurcli.cluster.weights import Weights
from deblurcli.cluster.worker import Result, Setup, Worker
from deblurcli.display import Tell

ENOUGH = 3  # photos in a row that a store was unusable for


@dataclass(frozen=True)
class OnRay:
    """Which cluster. Attributes: see `connected` and `share_of`."""

    address: str | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Run:
    """All that results depend on.

    Attributes:
        weights: the model.
        file: of the model, on this machine.
        setup: how photos are restored.
        format: of the results, in Pillow's words; None for the sources' own.
    """

    weights: Weights
    file: Path
    setup: Setup
    format: str | None

    @property
    def settings(self) -> str:
        """The same as for a run of `deblur FOLDER -o OUTPUT`, so that one goes on where the other has stopped."""
        setup = self.setup
        options = Options(setup.strength, setup.quality)
        return settings_of(self.weights.sha256, setup.precision, setup.tta, self.format, options)


def restore_tasks(
    run: Run, plan: TaskPlan, tasks: Sequence[Task], cluster: OnRay | None, manifest: Manifest, tell: Tell, stop: Stop
) -> Generator[Result, None, None]:
    """Do the tasks; yields a result for each that was begun, and records it.

    Args:
        run: how.
        plan: that the tasks are from.
        tasks: to do, at least one.
        cluster: where; None for this process.
        manifest: of the output folder.
        tell: told in a line what a user should know.
        stop: ends the run when it is requested, and is when a store cannot be used.

    Raises:
        DeblurError: if the run cannot begin or go on.
    """
    make_folder(plan.folder)
    clear_leftovers(plan)
    failing = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(manifest)
        results = started(stack, run, plan, tasks, cluster, manifest, tell, stop)
        for result in stack.enter_context(contextlib.closing(results)):
            record_ended(manifest, run.settings, result)
            failing = failing + 1 if result.unusable else 0
            if failing == ENOUGH:
                stop.request(OutputLost(str(result.error)))
            yield result


def started(
    stack: contextlib.ExitStack,
    run: Run,
    plan: TaskPlan,
    tasks: Sequence[Task],
    cluster: OnRay | None,
    manifest: Manifest,
    tell: Tell,
    stop: Stop,
) -> Generator[Result, None, None]:
    """The engine at work; the stack puts away what it needs."""

    def given(task: Task) -> None:
        record_started(manifest, run.settings, task)

    if cluster is None:
        worker = Worker(run.weights.model, run.setup)
        tell(f"{worker.by.model} on {worker.by.device}, {worker.by.precision}")
        return restore_here(tasks, worker, given, stop)
    ray = stack.enter_context(connected(cluster.address))
    share = share_of(ray.nodes(), cluster.workers, run.setup.device)
    size = "a GPU" if share.gpus else f"{share.cpus} CPUs" if share.cpus > 1 else "a CPU"
    tell(f"{share.workers} workers with {size} each")
    paths = stack.enter_context(marked(plan.folder, plan.inputs))
    job = WorkerSpec(run.setup, run.weights, run.file, paths)
    return restore_on_ray(ray, tasks, job, share, tell, given, stop)
