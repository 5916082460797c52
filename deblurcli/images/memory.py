"""How much memory there is for a picture, without a package for it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that this process can still get before something else has to go; None where the system does not say.

    On Linux what is available and free swap, within the limit of the container; elsewhere all memory that is built in,
    which at least stops what can never fit.
    """
    with contextlib.suppress(OSError, ValueError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        free = sum(int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree") if name in lines)
        allowed = _left_in_container()
        return free if allowed is None else min(free, allowed)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _left_in_container() -> int | None:
    """What a control group (version 2) leaves; files that the system merely keeps in memory can go."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        most = int((_CGROUP / "memory.max").read_text())  # "max" where there is no limit
        used = int((_CGROUP / "memory.current").read_text())
        kept = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return max(most - used + int(kept["inactive_file"]), 0)
    return None
