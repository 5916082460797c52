"""What runs on the machines of a Ray cluster: a pipeline with the model loaded once, which is fed by calls."""

from __future__ import annotations

import importlib
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from deblurcli.errors import DeblurError
from deblurcli.jobs.events import Ended, Event
from deblurcli.jobs.model import Model
from deblurcli.jobs.on_ray.shared import require_seen
from deblurcli.jobs.on_ray.weights import Weights, same_weights
from deblurcli.jobs.outputs import identity
from deblurcli.jobs.pipeline import restore_as_they_come
from deblurcli.jobs.run import Run
from deblurcli.jobs.task import By, Options, Result, Task, not_done
from deblurcli.version import __version__

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


@dataclass(frozen=True)
class Orders:
    """What every worker is told before it gets photos.

    Attributes:
        model: of the run.
        weights: its file, as the driver has it.
        options: how results are made.
        paths: that must be seen from everywhere.
        root: the folder of results, if it is local.
    """

    model: Model
    weights: Weights
    options: Options
    paths: tuple[Path, ...]
    root: Path | None


class Actor:
    """Made a Ray actor by the engine. First `version` is asked, then `load` is called, then `do` for each photo."""

    def __init__(self) -> None:
        self.feed: SimpleQueue[Task | None] = SimpleQueue()
        self.waiting: dict[Task, Future[Result]] = {}
        self.feeding = threading.Lock()
        self.run = Run()
        self.machine = socket.gethostname()

    def version(self) -> tuple[str, str]:
        """Of deblurcli here, and the machine's name. Plain text, which every version understands."""
        return __version__, self.machine

    def load(self, orders: Orders, content: Sequence[Any]) -> By | str:
        """Load the model; tells what will restore photos here, or why that is not possible.

        Args:
            orders: see there.
            content: one reference to the content of the model's file, fetched only if it is needed.
        """
        ray: Any = importlib.import_module("ray")
        try:
            require_seen(orders.paths)
            roots = {orders.root: identity(orders.root)} if orders.root else {}
            self.run = Run(orders.options, roots=roots, tell=self.tell)
            with same_weights(orders.weights, lambda: bytes(ray.get(content[0]))) as name:
                # In a thread of its own, which also computes: threads that compute have OpenMP threads of their own.
                loaded: Future[By] = Future()
                threading.Thread(target=self.work, args=(replace(orders.model, name=name), loaded), daemon=True).start()
                return loaded.result()
        except DeblurError as error:
            return f"{error} (on machine {self.machine})"

    def work(self, model: Model, loaded: Future[By]) -> None:
        """Load the model, and then restore what comes."""
        try:
            deblurrers = model.load()
        except BaseException as error:
            loaded.set_exception(error)
            return
        loaded.set_result(self.by(deblurrers[0]))
        restore_as_they_come(iter(self.feed.get, None), deblurrers, self.run)

    def by(self, deblurrer: Deblurrer) -> By:
        return By(deblurrer.info.name, str(deblurrer.device), deblurrer.precision, self.machine)

    def do(self, task: Task) -> Result:
        """Restore a photo. Several calls at once are what keeps the pipeline full."""
        with self.feeding:
            if self.run.stop():
                return not_done(task)
            result = self.waiting[task] = Future()
            self.feed.put(task)
        return result.result()

    def tell(self, event: Event) -> None:
        if isinstance(event, Ended):
            result = event.result
            by = replace(result.by, machine=self.machine) if result.by else None
            self.waiting.pop(result.task).set_result(replace(result, by=by))
            if self.run.stop():
                self.stop()

    def stop(self) -> None:
        """Leave what is being read or computed; what is being written will be."""
        with self.feeding:
            self.run.stop.request()
            self.feed.put(None)
