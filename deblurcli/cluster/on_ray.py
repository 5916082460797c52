"""The engine that is a Ray cluster: an actor for each share of it, a few photos in hand each, and losses made good.

Photos go from the store to the actor and back to the store; this process only sees tasks and results.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deblurcli.batch.run import Status
from deblurcli.cluster.actor import Actor
from deblurcli.cluster.ray_cluster import Share
from deblurcli.cluster.tasks import Task
from deblurcli.cluster.weights import Weights
from deblurcli.cluster.worker import HANDS, Result, Setup
from deblurcli.display import Tell, display_name
from deblurcli.errors import DeblurError, UsageError
from deblurcli.version import __version__

TRIES = 3  # of a photo whose worker is lost each time
STARTS = 3  # of a worker, without a photo done in between
SECONDS_TO_STOP = 5.0  # for what is being written when a run is stopped
CHECK_SECONDS = 0.5


@dataclass
class Given:
    """A task and how often it was lost with a worker."""

    task: Task
    losses: int = 0


@dataclass
class Slot:
    """A place for a worker. When one is lost, another is started in its place.

    Attributes:
        actor: the worker.
        starting: what it is asked before it gets photos; None when it is ready.
        in_hand: what it was given.
        starts: since it last did a photo.
    """

    actor: Any
    starting: Any
    in_hand: dict[Any, Given] = field(default_factory=dict)
    starts: int = 1


@dataclass(frozen=True)
class WorkerSpec:
    """What every worker is told before it begins: see `Actor.load`."""

    setup: Setup
    weights: Weights
    content: Path
    paths: Sequence[str]


def restore_on_ray(
    ray: Any,
    tasks: Sequence[Task],
    job: WorkerSpec,
    share: Share,
    tell: Tell,
    given: Callable[[Task], None],
    stop: Callable[[], bool],
) -> Generator[Result, None, None]:
    """Do the tasks, in no order; yields a result for each that was begun, and leaves no actor behind.

    A task whose worker is lost is given to another, `TRIES` times in all; the second time and later alone, so that a
    photo that ends its worker does not count against others.

    Args:
        ray: connected.
        tasks: what to do.
        job: what workers are told.
        share: how many workers, and of what size.
        tell: told in a line what a user should know.
        given: told about each task before it is begun.
        stop: asked all the time; when it says so, what is being written is finished and the rest is left.

    Raises:
        UsageError: if the machines have another version of deblurcli, or cannot do the job.
        DeblurError: if all workers are lost and none can be started again.
    """
    pool = _Pool(ray, tasks, job, share, tell, given)
    try:
        while not pool.is_done() and not stop():
            yield from pool.step()
        if stop():
            yield from pool.finish_writing()
    finally:
        pool.kill()


class _Pool:
    """The workers and what is left to do."""

    def __init__(
        self, ray: Any, tasks: Sequence[Task], job: WorkerSpec, share: Share, tell: Tell, given: Callable[[Task], None]
    ) -> None:
        self.ray, self.job, self.tell, self.given = ray, job, tell, given
        self.fresh = deque(Given(task) for task in tasks)
        self.lost: deque[Given] = deque()
        self.content = [ray.put(job.content.read_bytes())]  # in a list, where Ray passes it on without fetching it
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_concurrency": HANDS + 1}
        self.kind = ray.remote(**options)(Actor)
        self.loads: dict[Any, Slot] = {}
        self.last_loss = ""
        self.slots: list[Slot] = []
        self.waited = 0.0
        self.told_model = False
        for _ in range(min(share.workers, len(tasks))):
            self.slots.append(self.new_slot())

    def new_slot(self) -> Slot:
        actor = self.kind.remote()
        return Slot(actor, actor.version.remote())

    def is_done(self) -> bool:
        return not (self.fresh or self.lost or any(slot.in_hand for slot in self.slots))

    def step(self) -> Iterator[Result]:
        """Give out what there is room for, wait for something to happen, and deal with it."""
        for slot in self.slots:
            self.give(slot)
        if not self.slots:
            raise DeblurError(f"all workers were lost and could not be started again ({self.last_loss})")
        owners = {slot.starting: slot for slot in self.slots if slot.starting is not None}
        owners |= {reference: slot for slot in self.slots for reference in slot.in_hand}
        ready, _ = self.ray.wait(list(owners), num_returns=len(owners), timeout=0)
        if not ready:
            ready, _ = self.ray.wait(list(owners), num_returns=1, timeout=CHECK_SECONDS)
        self.tell_if_waiting()
        for reference in ready:
            slot = owners[reference]
            if reference in slot.in_hand:
                yield from self.take(slot, reference)
            elif reference == slot.starting:
                self.go_on_starting(slot)

    def give(self, slot: Slot) -> None:
        """Photos for a worker: a few, or a single one that was lost before."""
        if slot.starting is not None or any(one.losses for one in slot.in_hand.values()):
            return
        if self.lost and not slot.in_hand:
            self.hand(slot, self.lost.popleft())
            return
        while self.fresh and len(slot.in_hand) < HANDS:
            one = self.fresh.popleft()
            self.given(one.task)
            self.hand(slot, one)

    def hand(self, slot: Slot, one: Given) -> None:
        slot.in_hand[slot.actor.do.remote(one.task)] = one

    def take(self, slot: Slot, reference: Any) -> Iterator[Result]:
        """A result, or the news that a worker is lost with all that it had."""
        try:
            result = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            one = slot.in_hand.pop(reference)
            yield failed(
                one.task, f"an error nobody expected ({last_line_of(error)}); please report it with this photo"
            )
        except self.ray.exceptions.RayError as error:
            yield from self.make_good(slot, error)
        else:
            del slot.in_hand[reference]
            slot.starts = 1
            yield result

    def make_good(self, slot: Slot, error: Exception) -> Iterator[Result]:
        """Take back what a lost worker had, and start another one."""
        blamed = any(one.losses for one in slot.in_hand.values())  # it had this photo alone
        for reference, one in list(slot.in_hand.items()):
            del slot.in_hand[reference]
            with contextlib.suppress(Exception):
                yield self.ray.get(reference, timeout=0)  # done before
                continue
            one.losses += 1
            if one.losses < TRIES:
                self.lost.append(one)
            else:
                yield failed(one.task, f"its worker was lost {TRIES} times; perhaps there is not enough memory for it")
        self.tell(f"a worker was lost ({last_line_of(error)}); its photos are given to others")
        self.start_again(slot, error, blamed)

    def start_again(self, slot: Slot, error: Exception, blamed: bool = False) -> None:
        self.last_loss = last_line_of(error)
        with contextlib.suppress(Exception):
            self.ray.kill(slot.actor)  # it may be cut off and not dead
        if slot.starts >= STARTS and not blamed:
            self.slots.remove(slot)
            self.tell(f"a worker was lost {STARTS} times in a row and is given up ({self.last_loss})")
            return
        slot.starts += not blamed
        slot.actor = self.kind.remote()
        slot.starting = slot.actor.version.remote()

    def go_on_starting(self, slot: Slot) -> None:
        """After a worker's answer: its version first, then whether it could load the model."""
        try:
            answer = self.ray.get(slot.starting)
        except self.ray.exceptions.RayTaskError as error:
            raise DeblurError(f"a worker could not be started ({last_line_of(error)})") from None
        except self.ray.exceptions.RayError as error:
            if "No module named 'deblurcli" in str(error):
                raise UsageError(
                    f"a machine of the cluster has no deblurcli with workers; install deblurcli {__version__} on all"
                ) from None
            self.start_again(slot, error)
            return
        if isinstance(answer, str):
            raise UsageError(answer)
        if isinstance(answer, tuple):
            version, machine = answer
            if version != __version__:
                raise UsageError(
                    f"machine {machine} of the cluster has deblurcli {version} and this one has {__version__}; install "
                    "the same version on all"
                )
            slot.starting = slot.actor.load.remote(
                self.job.setup, self.job.weights, self.content, tuple(self.job.paths)
            )
            return
        slot.starting = None
        if not self.told_model:
            self.told_model = True
            self.tell(f"{answer.model} on {answer.device}, {answer.precision}")

    def tell_if_waiting(self) -> None:
        """Once, when no worker has started for a while: others may be using the cluster."""
        if all(slot.starting is not None for slot in self.slots):
            self.waited += CHECK_SECONDS
            if self.waited == 60 * CHECK_SECONDS:
                self.tell("waiting for the cluster: no worker runs yet, as its CPUs or GPUs are in use or gone")

    def finish_writing(self) -> Iterator[Result]:
        """Ask the workers to leave what they compute, and wait a little for what they write."""
        references = [reference for slot in self.slots for reference in slot.in_hand]
        for slot in self.slots:
            if slot.starting is None:
                slot.actor.stop.remote()
        if references:
            done, _ = self.ray.wait(references, num_returns=len(references), timeout=SECONDS_TO_STOP)
            for reference in done:
                with contextlib.suppress(Exception):
                    yield self.ray.get(reference)

    def kill(self) -> None:
        for slot in self.slots:
            with contextlib.suppress(Exception):
                self.ray.kill(slot.actor)


def failed(task: Task, reason: str) -> Result:
    return Result(task, Status.FAILED, error=f"{display_name(str(task.source))}: {reason}")


def last_line_of(error: Exception) -> str:
    """The last line of what Ray says, which is the reason; or the kind of error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return display_name(lines[-1][:200]) if lines else type(error).__name__
