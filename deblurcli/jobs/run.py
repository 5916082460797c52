"""A run over many photos: what every engine is given beside the tasks, and where it says what became of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from deblurcli.errors import UsageError
from deblurcli.jobs.events import Ended, Tell, ignore
from deblurcli.jobs.outputs import Identity, OutputLost
from deblurcli.jobs.records import Records
from deblurcli.jobs.stores.errors import StoreUnusable
from deblurcli.jobs.task import Options, Result, Task

ENOUGH = 3  # photos in a row that a store was unusable for


class Stop:
    """A request to end a run early, from any thread or a signal.

    Attributes:
        lost: why nothing can be written any more, if that is the reason.
    """

    def __init__(self) -> None:
        self.requested = False
        self.lost: OutputLost | None = None

    def request(self, lost: OutputLost | None = None) -> None:
        self.requested = True
        self.lost = self.lost or lost

    def __call__(self) -> bool:
        return self.requested


class Abandoned(BaseException):
    """Raised inside an engine, to leave a photo at once; nothing that looks after errors should hold it up."""


class Run:
    """How photos are restored, recorded and told about. Engines may use it from any thread.

    Args:
        options: how results are made.
        records: where they are recorded.
        roots: the folders they go to, see `prepare_roots`.
        tell: told what happens; of the ends of photos one at a time. Should it raise an error then, the run stops.
        stop: asked all the time; requested when nothing can be written any more.

    Attributes:
        failure: the first error that `tell` has raised, for the engine to raise at its end.
    """

    def __init__(
        self,
        options: Options | None = None,
        records: Records | None = None,
        roots: Mapping[Path, Identity] | None = None,
        tell: Tell = ignore,
        stop: Stop | None = None,
    ) -> None:
        self.options = options or Options()
        self.records = records or Records()
        self.roots = roots or {}
        self.tell = tell
        self.stop = stop or Stop()
        self.failure: Exception | None = None
        self.unusable = 0  # in a row
        self.one_at_a_time = threading.Lock()

    def started(self, task: Task, fingerprint: str | None = None) -> None:
        """Before a result is written.

        Raises:
            OutputLost: if that cannot be recorded.
        """
        self.records.started(task, task.fingerprint if fingerprint is None else fingerprint)

    def ended(self, result: Result) -> None:
        """Record and tell what became of a task, and stop if going on is of no use."""
        with self.one_at_a_time:
            try:
                self.records.ended(result)
            except OutputLost as lost:
                self.stop.request(lost)
            if isinstance(result.error, OutputLost):
                self.stop.request(result.error)
            self.unusable = self.unusable + 1 if isinstance(result.error, (StoreUnusable, UsageError)) else 0
            if self.unusable == ENOUGH:
                self.stop.request(OutputLost(str(result.error)))
            try:
                self.tell(Ended(result))
            except Exception as error:
                self.failure = self.failure or error
                self.stop.request()
