"""Reading, and writing again, damaged files one after the other in a process that is watched."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from .mutate import mutated
from .seeds import all_seeds

SECONDS = 20.0
START_SECONDS = 60.0  # that a process may take for its imports and the first file
MEGABYTES = 1024  # beyond what the process has before; pictures that would need more are refused by their headers
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "AVIF", "HEIF")
SMALL = 1_000_000  # pixels of a picture that is written again, too


@dataclass
class Report:
    """What became of the files: `outcomes` are counted, `failures` are lines that name the file."""

    files: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def text(self) -> str:
        counts = "\n".join(f"{count:7}  {name}" for name, count in self.outcomes.most_common())
        failures = "\n".join(f"FAILED {line}" for line in self.failures)
        return (
            f"{self.files} files in {self.seconds:.0f} s, the slowest {self.slowest:.1f} s; {self.megabytes} MB of "
            f"memory at most; {len(self.failures)} failures\n{counts}\n{failures}"
        ).rstrip()


def fuzz(files: int, seed: int = 0, first: int = 0, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Report:
    """Try so many files. A process that hangs, dies, or takes too much memory is a failure, and another goes on."""
    report, started = Report(), time.monotonic()
    number, end = first, first + files
    with tempfile.TemporaryDirectory() as folder:
        terminal = Path(folder) / "terminal"
        while number < end:
            number = _watched(number, end, seed, seconds, megabytes, report, terminal)
        if printed := terminal.read_bytes()[:300]:
            report.failures.append(f"something was printed on the terminal: {printed!r}")
    report.files, report.seconds = files, time.monotonic() - started
    return report


def _watched(number: int, end: int, seed: int, seconds: float, megabytes: int, report: Report, terminal: Path) -> int:
    """Files from `number` on, in one process; gives the number of the next that is to be tried."""
    context = multiprocessing.get_context("spawn")  # not a copy of this process, which may have threads
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(number, end, seed, megabytes, there, terminal), daemon=True)
    process.start()
    there.close()
    begun = time.monotonic()
    try:
        here.poll(START_SECONDS)
        while here.poll(seconds):
            done, outcome, took, used = here.recv()
            number = done + 1
            report.slowest, report.megabytes = max(report.slowest, took), max(report.megabytes, used)
            if outcome.startswith("!"):
                report.failures.append(f"file {done} of seed {seed}: {outcome[1:]}")
            else:
                report.outcomes[outcome] += 1
            if used > megabytes:
                report.failures.append(
                    f"file {done} of seed {seed}: {used} MB of memory, where {megabytes} are allowed"
                )
                break
            if number == end:
                break
        else:
            report.failures.append(f"file {number} of seed {seed}: no end in {time.monotonic() - begun:.0f} s")
            number += 1
    except EOFError:
        process.join()
        report.failures.append(f"file {number} of seed {seed}: the process ended with {process.exitcode}")
        number += 1
    process.kill()
    process.join()
    return number


def _work(number: int, end: int, seed: int, megabytes: int, told: Connection, terminal: Path) -> None:
    with terminal.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import deblurcli.images.limits as limits

    # What is said to be free decides which headers are believed, and must be the same on every machine.
    limits.free_memory = lambda: megabytes << 20
    seeds = list(all_seeds().values())
    before = _peak()
    for each in range(number, end):
        started = time.monotonic()
        outcome = outcome_of(mutated(seeds, each, seed), each)
        told.send((each, outcome, time.monotonic() - started, _peak() - before))


def outcome_of(data: bytes, number: int) -> str:
    """What became of a file, in words; a mistake begins with "!"."""
    from deblurcli.errors import InputError, OutputError
    from deblurcli.images import encode_photo, read_photo

    try:
        photo = read_photo(data, "photo")
    except InputError as problem:
        return _refusal(str(problem))
    except BaseException as problem:
        return f"!reading: {type(problem).__name__}: {problem}"
    if photo.pixels.size > SMALL:
        return "read"
    try:
        for format in {photo.format, FORMATS[number % len(FORMATS)]}:
            again = encode_photo(photo, format)[0]
            if read_photo(again, "result").pixels.shape[:2] != photo.pixels.shape[:2]:
                return f"!written as {format}, it is of another size"
    except OutputError:
        return "read, and refused as a result"
    except BaseException as problem:
        return f"!writing {format}: {type(problem).__name__}: {problem}"
    return "read and written"


def _refusal(line: str) -> str:
    if "\n" in line or len(line) > 300 or " at 0x" in line or not line.startswith("photo: "):
        return f"!a refusal that is not one plain line: {line}"
    return "refused: " + "".join("#" if letter.isdigit() else letter for letter in line.removeprefix("photo: "))


def _peak() -> int:
    """Megabytes that this process has had at most."""
    for line in Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0
