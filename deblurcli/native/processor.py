"""What the processor can do, as the operating system tells it."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

# The features that anything here asks about.
KNOWN = ("avx2", "fma", "avx512f", "avx512_bf16", "asimd")


@cache
def processor_features() -> frozenset[str]:
    """Those of `KNOWN` that this processor has and the operating system lets programs use, named as in Linux."""
    if sys.platform == "darwin":
        return _on_macos()
    if platform.machine() in ("aarch64", "arm64", "ARM64"):
        return frozenset({"asimd"})  # every 64-bit ARM has it
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return frozenset(KNOWN) & frozenset(flags)


def _on_macos() -> frozenset[str]:
    if platform.machine() == "arm64":
        return frozenset({"asimd"})
    names = {"hw.optional.avx2_0": "avx2", "hw.optional.fma": "fma", "hw.optional.avx512f": "avx512f"}
    found = set()
    for key, feature in names.items():
        done = subprocess.run(["sysctl", "-n", key], capture_output=True, text=True, check=False)
        if done.stdout.strip() == "1":
            found.add(feature)
    return frozenset(found)
