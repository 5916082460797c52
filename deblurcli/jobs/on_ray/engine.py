"""The engine that is a Ray cluster: an actor for each share of it, a few photos in hand each, and losses made good.

Photos go from the store to the actor and back to the store; this process only sees tasks and results.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deblurcli.display import display_name
from deblurcli.errors import DeblurError, UsageError
from deblurcli.jobs.events import Advanced, Begun
from deblurcli.jobs.model import Model
from deblurcli.jobs.on_ray.actor import Actor, Orders
from deblurcli.jobs.on_ray.connection import Share, connected, share_of
from deblurcli.jobs.on_ray.shared import marked
from deblurcli.jobs.on_ray.weights import weights_of
from deblurcli.jobs.outputs import OutputLost
from deblurcli.jobs.run import Run
from deblurcli.jobs.task import Result, Status, Task, not_done
from deblurcli.models.files import find_weights
from deblurcli.version import __version__

HANDS = 3  # photos a worker has at once: one is read, one is computed, one is written
GPU_HANDS = 16  # so that small ones are restored together
TRIES = 3  # of a photo whose worker is lost each time
STARTS = 3  # of a worker, without a photo done in between
SECONDS_TO_STOP = 5.0  # for what is being written when a run is stopped
CHECK_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """Which cluster. Attributes: see `connected` and `share_of`."""

    address: str | None = None
    workers: int | None = None


@dataclass
class Given:
    """A task and how often it was lost with a worker."""

    task: Task
    losses: int = 0


@dataclass
class Slot:
    """A place for a worker. When one is lost, another is started in its place.

    Attributes:
        number: of the place.
        actor: the worker.
        starting: what it is asked before it gets photos; None when it is ready.
        in_hand: what it was given.
        starts: since it last did a photo.
    """

    number: int
    actor: Any
    starting: Any
    in_hand: dict[Any, Given] = field(default_factory=dict)
    starts: int = 1


def restore_on_ray(tasks: Sequence[Task], model: Model, cluster: Cluster, run: Run) -> None:
    """Do the tasks, in no order, and leave no actor behind.

    A task whose worker is lost is given to another, `TRIES` times in all; the second time and later alone, so that a
    photo that ends its worker does not count against others. On a stop, what is being written is finished and the rest
    is left.

    Args:
        tasks: what to do, at least one.
        model: that workers load.
        cluster: where.
        run: how, and whom to tell.

    Raises:
        UsageError: if the cluster cannot be used, its machines have another version of deblurcli, or cannot do the job.
        DeblurError: if all workers are lost and none can be started again.
    """
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),  # Ray prints on it what it thinks of lost machines
        connected(cluster.address) as ray,
        marked(tasks) as paths,
    ):
        share = share_of(ray.nodes(), cluster.workers, model.device)
        size = "a GPU" if share.gpus else f"{share.cpus} CPUs" if share.cpus > 1 else "a CPU"
        log.info("%d workers with %s each", share.workers, size)
        file = find_weights(model.name)
        root = next((task.root for task in tasks if isinstance(task.root, Path)), None)
        orders = Orders(model, weights_of(str(model.name), file), run.options, paths, root)
        pool = _Pool(ray, tasks, orders, file, share, run)
        try:
            while not pool.is_done() and not run.stop():
                pool.step()
            if run.stop():
                pool.finish_writing()
        finally:
            pool.kill()
    if run.failure:
        raise run.failure


class _Pool:
    """The workers and what is left to do."""

    def __init__(self, ray: Any, tasks: Sequence[Task], orders: Orders, file: Path, share: Share, run: Run) -> None:
        self.ray, self.orders, self.run = ray, orders, run
        self.fresh = deque(Given(task) for task in tasks)
        self.lost: deque[Given] = deque()
        self.content = [ray.put(file.read_bytes())]  # in a list, where Ray passes it on without fetching it
        self.hands = GPU_HANDS if share.gpus else HANDS
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_concurrency": self.hands + 1}
        self.kind = ray.remote(**options)(Actor)
        self.last_loss = ""
        self.slots: list[Slot] = []
        self.waited = 0.0
        self.told_model = False
        for number in range(min(share.workers, len(tasks))):
            actor = self.kind.remote()
            self.slots.append(Slot(number, actor, actor.version.remote()))

    def is_done(self) -> bool:
        return not (self.fresh or self.lost or any(slot.in_hand for slot in self.slots))

    def step(self) -> None:
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
                self.take(slot, reference)
            elif reference == slot.starting:
                self.go_on_starting(slot)

    def give(self, slot: Slot) -> None:
        """Photos for a worker: a few, or a single one that was lost before."""
        if slot.starting is not None or any(one.losses for one in slot.in_hand.values()):
            return
        if self.lost and not slot.in_hand:
            self.hand(slot, self.lost.popleft())
            return
        while self.fresh and len(slot.in_hand) < self.hands:
            try:
                self.run.started(self.fresh[0].task)
            except OutputLost as lost:
                self.run.stop.request(lost)
                return
            self.hand(slot, self.fresh.popleft())

    def hand(self, slot: Slot, one: Given) -> None:
        slot.in_hand[slot.actor.do.remote(replace(one.task, tried_before=one.losses > 0))] = one

    def take(self, slot: Slot, reference: Any) -> None:
        """A result, or the news that a worker is lost with all that it had."""
        try:
            result = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            one = slot.in_hand.pop(reference)
            reason = f"an error nobody expected ({last_line_of(error)}); please report it with this photo"
            self.run.ended(failed(one.task, reason))
        except self.ray.exceptions.RayError as error:
            self.make_good(slot, error)
        else:
            one = slot.in_hand.pop(reference)
            slot.starts = 1
            self.ended(slot, one, result)

    def ended(self, slot: Slot, one: Given, result: Result) -> None:
        """A worker tells of a photo only when it is done."""
        if result.size:
            self.run.tell(Begun(slot.number, one.task, result.size[0] * result.size[1]))
            self.run.tell(Advanced(slot.number, 1.0))
        self.run.ended(replace(result, task=one.task))

    def make_good(self, slot: Slot, error: Exception) -> None:
        """Take back what a lost worker had, and start another one."""
        blamed = any(one.losses for one in slot.in_hand.values())  # it had this photo alone
        for reference, one in list(slot.in_hand.items()):
            del slot.in_hand[reference]
            try:
                result = self.ray.get(reference, timeout=0)
            except Exception:
                one.losses += 1
                if one.losses < TRIES:
                    self.lost.append(one)
                    continue
                reason = f"its worker was lost {TRIES} times; perhaps there is not enough memory for it"
                self.run.ended(failed(one.task, reason))
            else:
                self.ended(slot, one, result)  # done before
        log.warning("a worker was lost (%s); its photos are given to others", last_line_of(error))
        self.start_again(slot, error, blamed)

    def start_again(self, slot: Slot, error: Exception, blamed: bool = False) -> None:
        self.last_loss = last_line_of(error)
        with contextlib.suppress(Exception):
            self.ray.kill(slot.actor)  # it may be cut off and not dead
        if slot.starts >= STARTS and not blamed:
            self.slots.remove(slot)
            log.warning("a worker was lost %d times in a row and is given up (%s)", STARTS, self.last_loss)
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
            slot.starting = slot.actor.load.remote(self.orders, self.content)
            return
        slot.starting = None
        if not self.told_model:
            self.told_model = True
            log.info("%s on %s, %s", answer.model, answer.device, answer.precision)

    def tell_if_waiting(self) -> None:
        """Once, when no worker has started for a while: others may be using the cluster."""
        if all(slot.starting is not None for slot in self.slots):
            self.waited += CHECK_SECONDS
            if self.waited == 60 * CHECK_SECONDS:
                log.info("waiting for the cluster: no worker runs yet, as its CPUs or GPUs are in use or gone")

    def finish_writing(self) -> None:
        """Ask the workers to leave what they compute, and wait a little for what they write."""
        in_hand = [(slot, reference) for slot in self.slots for reference in slot.in_hand]
        for slot in self.slots:
            if slot.starting is None:
                slot.actor.stop.remote()
        if in_hand:
            references = [reference for _, reference in in_hand]
            done, _ = self.ray.wait(references, num_returns=len(references), timeout=SECONDS_TO_STOP)
            for slot, reference in in_hand:
                if reference in done:
                    with contextlib.suppress(self.ray.exceptions.RayError):
                        result = self.ray.get(reference)
                        self.ended(slot, slot.in_hand.pop(reference), result)
        left = [one for slot in self.slots for one in slot.in_hand.values()]
        for one in (*left, *self.lost, *self.fresh):
            self.run.ended(not_done(one.task))

    def kill(self) -> None:
        for slot in self.slots:
            with contextlib.suppress(Exception):
                self.ray.kill(slot.actor)


def failed(task: Task, reason: str) -> Result:
    return Result(task, Status.FAILED, error=DeblurError(f"{display_name(task.source)}: {reason}"))


def last_line_of(error: Exception) -> str:
    """The last line of what Ray says, which is the reason; or the kind of error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return display_name(lines[-1][:200]) if lines else type(error).__name__
