"""Memory that stays with the process, for training on a CPU.

A step's tensors are freed at its end. The C library gives large ones back to the system, which then hands out and
clears the same pages again, step after step.
"""

from __future__ import annotations

import ctypes
import platform

# mallopt()'s parameters, from glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed for what is asked for next; False where that cannot be said to it."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    largest = 32 << 20  # that glibc accepts as the least size for a mapping of its own
    settings = ((MMAP_THRESHOLD, largest), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 64 << 20))
    return all(mallopt(name, value) for name, value in settings)
