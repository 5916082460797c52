"""How much memory a process takes at most, measured on a real one.

Run as a program it starts the command it is given, waits for its end and prints its exit code and its peak as JSON.
That small process between is needed because Linux counts the memory of whoever starts a process as that process's own,
from the moment it is made: started by a benchmark that holds several networks, every command would seem as large.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from deblurcli.errors import DeblurError


def peak_memory(command: Sequence[str], environment: Mapping[str, str]) -> int | None:
    """The peak resident memory of a command, in bytes; None where the system does not tell (Windows).

    The command runs to its end; when this is interrupted, it is killed before the exception goes on.

    Args:
        command: program and arguments.
        environment: variables set for it, on top of this process's own.

    Raises:
        DeblurError: if the command fails, with the last line that it wrote to standard error.
    """
    if not hasattr(os, "wait4"):
        return None
    watcher = subprocess.Popen(
        [sys.executable, "-m", "deblurcli.bench.speed.memory", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **environment},
        start_new_session=True,  # so that it can be ended together with its child
    )
    try:
        printed, complaints = watcher.communicate()
    except BaseException:
        os.killpg(watcher.pid, signal.SIGKILL)
        watcher.communicate()  # the pipes close when the last of them is gone
        raise
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    if watcher.returncode:
        raise DeblurError(f"the memory of a process could not be measured: {lines[-1] if lines else 'no reason given'}")
    code, peak = json.loads(printed)
    if code < 0:
        raise DeblurError(
            f"the process whose memory was to be measured was killed by signal {-code}; was there enough memory?"
        )
    if code:
        reason = lines[-1].removeprefix("deblur: ") if lines else f"exit code {code}"
        raise DeblurError(f"the process whose memory was to be measured failed: {reason}")
    return int(peak)


def watch(command: Sequence[str]) -> None:
    """Run a command and print [exit code, peak in bytes]; the code is minus the signal that killed it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps([process.returncode, usage.ru_maxrss * unit]))


if __name__ == "__main__":
    watch(sys.argv[1:])
