"""Connecting to a Ray cluster, and how many workers fit on it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deblurcli.errors import UsageError

CPUS_PER_WORKER = 4
SECONDS_TO_ANSWER = 10.0


@dataclass(frozen=True)
class Share:
    """What each worker gets of the cluster.

    Attributes:
        workers: how many.
        cpus: of each; its threads if it computes on them.
        gpus: of each, 0 or 1.
    """

    workers: int
    cpus: int
    gpus: int


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The module ray, connected; disconnected at the end unless it was before.

    Args:
        address: HOST:PORT of the head; None for $RAY_ADDRESS, or the cluster of this machine, or a new one on it.

    Raises:
        UsageError: if Ray is missing, the cluster does not answer, or it has other versions of Ray or Python.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is started here tells nobody
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise UsageError("--engine ray: Ray is not installed; run `pip install 'deblurcli[ray]'`") from None
    if ray.is_initialized():
        yield ray
        return
    if address:
        require_answer(address)
    with on_sigterm_as_before():
        init(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def init(ray: Any, address: str | None) -> None:
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UsageError(
            f"{address or 'the Ray cluster'}: cannot connect ({reason}); check --address and that Ray and Python have "
            "the same versions everywhere"
        ) from None


@contextlib.contextmanager
def on_sigterm_as_before() -> Iterator[None]:
    """Ray, when it connects, takes over the signal that ends a process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def require_answer(address: str) -> None:
    """Ray itself waits for minutes where nobody answers.

    Raises:
        UsageError: if that is so, or the address is none.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "://" in host:
        raise UsageError(f"--address {address}: must be HOST:PORT, such as 10.0.0.1:6379; run deblur on the cluster")
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--address {address}: nothing answers there ({error}); check that `ray start --head` runs and the port"
        ) from None


def share_of(nodes: list[Mapping[str, Any]], workers: int | None, device: str) -> Share:
    """How many workers of what size.

    Args:
        nodes: as `ray.nodes()` tells them.
        workers: how many are wanted; those that do not fit wait for machines. By default one for each GPU, or one for
            every four CPUs of a machine.
        device: "auto" takes GPUs if there are any; "cpu", "cuda".

    Raises:
        UsageError: if the cluster has no such devices.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in alive)
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {device}: on a cluster it is auto, cpu or cuda; each worker gets a GPU of its own")
    if device == "cuda" or (device == "auto" and gpus):
        if not (workers or gpus):
            raise UsageError("--device cuda: the cluster has no GPUs; use cpu, or say --workers if it will get some")
        return Share(workers or gpus, 1, 1)
    cpus = [int(node.get("CPU", 0)) for node in alive if node.get("CPU", 0) >= 1]
    if workers is None and not cpus:
        raise UsageError("the cluster has no CPUs; add machines, or say --workers if it will get some")
    if workers is None:
        each = min(CPUS_PER_WORKER, *cpus)
        return Share(sum(count // each for count in cpus), each, 0)
    # As many to each as still lets all of them find a machine now.
    sizes = range(max(cpus, default=1), 0, -1)
    return Share(workers, next((size for size in sizes if sum(count // size for count in cpus) >= workers), 1), 0)
