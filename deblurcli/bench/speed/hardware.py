"""What the computer is called, and timing work on it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch


def processor_name() -> str:
    """The processor as it calls itself: "AMD Ryzen 5 5600X 6-Core Processor", "Apple M2"; else its architecture."""
    return _own_name() or platform.processor() or platform.machine()


def _own_name() -> str | None:
    try:
        if sys.platform == "darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None  # Windows, and whatever else has no such file or command
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def gpu_name(device: torch.device) -> str | None:
    """The GPU as its driver calls it; None for the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU (MPS)" if device.type == "mps" else None  # torch's name of it is no public API yet


def logical_cores() -> int:
    """The logical cores that this process may use: on a shared machine fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done all it was given: it works on while the program runs ahead of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that some work takes, a GPU being waited for before and after."""
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started
