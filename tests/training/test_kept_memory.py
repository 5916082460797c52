from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
import torch
from deblurcli.training.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def step():
    return [torch.empty(1 << 20).fill_(1) for _ in range(40)]

for _ in range(3):  # until blocks lie where they will lie
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_the_steps_after_the_first_get_their_memory_without_the_system():
    def page_faults(what: str) -> int:
        # Without a fixed threshold the C library happens to learn, in some runs, to keep the memory by itself.
        fixed = os.environ | {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}
        command = [sys.executable, "-c", STEPS, what]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=fixed)
        return int(done.stdout)

    assert page_faults("keep") < page_faults("leave") / 10
