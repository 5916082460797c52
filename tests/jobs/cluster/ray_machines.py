"""A Ray cluster of several machines, all of them real processes on this one, that can lose their power."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any


class Machines:
    """A Ray cluster of a head that computes nothing and machines with a CPU each, all of them real processes here."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        # A lost machine shall be noticed in seconds; nobody shall be told that Ray is used.
        os.environ |= {
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        head = {"num_cpus": 0, "object_store_memory": 80 << 20, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self.cluster.address
        self.machines: list[Any] = []

    def add_machine(self, **options: Any) -> Any:
        machine = self.cluster.add_node(num_cpus=1, object_store_memory=80 << 20, **options)
        self.machines.append(machine)
        return machine

    def kill(self, machine: Any) -> None:
        """As if its power had failed: its raylet and all workers at once."""
        raylet = machine.all_processes["raylet"][0].process.pid
        for process in [raylet, *children_of(raylet)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.cluster.remove_node(machine, allow_graceful=False)
        self.machines.remove(machine)

    def keep(self, count: int) -> None:
        """So many machines, at the beginning of a test."""
        while len(self.machines) > count:
            self.kill(self.machines[-1])
        while len(self.machines) < count:
            self.add_machine()

    def actors(self) -> list[int]:
        """The processes that work on photos."""
        return [pid for pid in processes() if text_of(pid, "cmdline").startswith("ray::Actor")]

    def wait_for_no_actors(self) -> None:
        """They are ended by another process than the one that asks for it, a moment later."""
        deadline = time.monotonic() + 60
        while self.actors():
            assert time.monotonic() < deadline, "actors are left behind"
            time.sleep(0.1)


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def text_of(pid: int, name: str) -> str:
    """What the system tells about a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def children_of(parent: int) -> list[int]:
    return [pid for pid in processes() if text_of(pid, "stat").rpartition(")")[2].split()[1:2] == [str(parent)]]
