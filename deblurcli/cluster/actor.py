"""What runs on the machines of a Ray cluster: a worker that loads the model once."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Sequence
from typing import Any

from deblurcli.cluster.shared import require_seen
from deblurcli.cluster.tasks import Task
from deblurcli.cluster.weights import Weights, same_weights
from deblurcli.cluster.worker import By, Result, Setup, Worker
from deblurcli.errors import DeblurError
from deblurcli.version import __version__


class Actor:
    """Made a Ray actor by `on_ray`. First `version` is asked, then `load` is called, then `do` for each photo."""

    def __init__(self) -> None:
        self.worker: Worker | None = None

    def version(self) -> tuple[str, str]:
        """Of deblurcli here, and the machine's name. Plain text, which every version understands."""
        return __version__, socket.gethostname()

    def load(self, setup: Setup, weights: Weights, content: Sequence[Any], paths: Sequence[str]) -> By | str:
        """Load the model; tells what will restore photos here, or why that is not possible.

        Args:
            setup: how photos are restored.
            weights: which model.
            content: one reference to the content of its file, fetched only if it is needed.
            paths: that must be seen from here.
        """
        ray: Any = importlib.import_module("ray")
        machine = socket.gethostname()
        try:
            require_seen(paths)
            with same_weights(weights, lambda: bytes(ray.get(content[0]))) as model:
                self.worker = Worker(model, setup, machine)
        except DeblurError as error:
            return f"{error} (on machine {machine})"
        return self.worker.by

    def do(self, task: Task) -> Result:
        """See `Worker.do`."""
        assert self.worker is not None
        return self.worker.do(task)

    def stop(self) -> None:
        """See `Worker.stop`."""
        if self.worker:
            self.worker.stop()
