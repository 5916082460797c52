"""How fast models are, side by side: pixels to pixels and file to file, with the yardsticks to judge it by."""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from deblurcli.bench.published import PRESETS, Preset
from deblurcli.bench.results import Speed, SpeedRow, Timing
from deblurcli.bench.speed.flop import network_flop
from deblurcli.bench.speed.hardware import gpu_name, logical_cores, processor_name, seconds_of
from deblurcli.bench.speed.memory import peak_memory
from deblurcli.bench.speed.peak import matrix_peak
from deblurcli.bench.speed.sample import sample_picture
from deblurcli.digest import sha256_of
from deblurcli.errors import DeblurError, UsageError
from deblurcli.images import Photo, write_photo
from deblurcli.images.limits import MOST_PIXELS
from deblurcli.jobs.process import process
from deblurcli.jobs.task import Options, Task
from deblurcli.models.files import find_weights
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.restore.device import device_name

SMALLEST_SIDE = 16  # below it, more of the picture would be padding than picture
LARGEST_SIDE = 65500  # of a JPEG
PEAK_SECONDS = 0.5  # before the rounds, and again after them

RunProgress = Callable[[int, int], None]  # how many steps are done, and of how many


@dataclass(frozen=True)
class Case:
    """What to time.

    Attributes:
        model: a shipped model's name or a weights file.
        device, precision: as `Deblurrer` takes them, "auto" included.
        width, height: of the picture in pixels.
    """

    model: str
    device: str
    precision: str
    width: int
    height: int


@dataclass
class Subject:
    """A case with all that its runs need and give: the weights' hash, seconds, and the GPU's peak in bytes."""

    case: Case
    deblurrer: Deblurrer
    sha256: str
    pixels: np.ndarray
    source: Path
    target: Path
    network: list[float] = field(default_factory=list)
    file: list[float] = field(default_factory=list)
    gpu_memory: int | None = None


def preset_named(name: str) -> Preset:
    """A published timing protocol. Raises UsageError for a name that is none."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return PRESETS[name]


def cases_of(
    models: Sequence[str],
    devices: Sequence[str],
    precisions: Sequence[str],
    sizes: Sequence[str],
    preset: Preset | None = None,
) -> list[Case]:
    """Every combination once; a preset decides the device and the size itself.

    Args:
        models, devices, precisions: as in `Case`.
        sizes: "WIDTHxHEIGHT" in pixels.

    Raises:
        UsageError: for a size that is not one, or that cannot be timed.
    """
    places = [preset.device] if preset else devices
    pictures = [(preset.width, preset.height)] if preset else [parse_size(size) for size in sizes]
    combinations = itertools.product(pictures, models, places, precisions)
    cases = [Case(model, device, precision, *size) for size, model, device, precision in combinations]
    return list(dict.fromkeys(cases))


def parse_size(text: str) -> tuple[int, int]:
    if not (match := re.fullmatch(r"(\d{1,9})x(\d{1,9})", text)):
        raise UsageError(f"size {text!r}: give WIDTHxHEIGHT in pixels, as 1280x720")
    width, height = int(match[1]), int(match[2])
    refuse_size(width, height)
    return width, height


def measure_speed(
    cases: Sequence[Case],
    runs: int,
    warmup: int = 1,
    threads: int | None = None,
    preset: Preset | None = None,
    advance: RunProgress = lambda done, total: None,
) -> Speed:
    """Time cases beside each other.

    All models are loaded first and every case is run `warmup` times. Then come `runs` rounds, in each of which every
    case runs once, so that a change in what else the machine does meets all of them alike. `network` is
    `Deblurrer.restore` on 8-bit RGB in memory; `file` is everything that `deblur photo.jpg -o sharp.jpg` does between
    loading the model and ending: reading, decoding, restoring, encoding, and writing to the disk for good. A GPU is
    waited for before every reading of the clock. The memory of the process is that of such a command, run once per
    case at the end; the GPU's is the most that PyTorch held in a run, less what other models keep there meanwhile.

    Args:
        cases: what to time; a model is loaded once for each device and precision.
        runs: how many times, at least 1.
        warmup: runs before, at least 0.
        threads: for the CPU; by default the preset's, else as many as PyTorch takes, which is one per physical core.
        preset: the published protocol that the cases follow; see `cases_of`.
        advance: told how many steps are done, and of how many.

    Raises:
        UsageError: for numbers that make no sense, or a device or precision that is not here.
        WeightsUnavailable, WeightsDamaged: if a model cannot be loaded.
        DeblurError: if memory is too small for a case, or a process that restores one fails.
    """
    check_cases(cases, runs, warmup, threads)
    if preset and preset.all_cores:
        threads = threads or logical_cores()
    with thread_count(threads) as used, tempfile.TemporaryDirectory(prefix="deblur-bench-") as folder:
        subjects = prepare_subjects(cases, Path(folder))
        done, steps = 0, len(subjects) * (warmup + runs + 1)

        def step() -> None:
            nonlocal done
            done += 1
            advance(done, steps)

        peaks = dict.fromkeys([(one.deblurrer.device, one.deblurrer.dtype) for one in subjects], 0.0)
        best_peaks(peaks)
        for index in range(warmup + runs):
            for subject in subjects:
                run_once(subject, keep=index >= warmup)
                step()
        best_peaks(peaks)
        rows = []
        for subject in subjects:
            rows.append(row_of(subject, peaks, threads))
            step()
    gpus = dict.fromkeys(name for one in subjects if (name := gpu_name(one.deblurrer.device)))
    return Speed(tuple(rows), processor_name(), used, ", ".join(gpus) or None, preset.name if preset else None)


def check_cases(cases: Sequence[Case], runs: int, warmup: int, threads: int | None) -> None:
    """Refuse what makes no sense before anything is loaded."""
    if not cases:
        raise UsageError("nothing to time; name at least one model and size")
    if runs < 1 or warmup < 0:
        raise UsageError(f"{runs} runs after {warmup} for warming up: at least 1 and 0 are needed")
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads: at least 1 is needed")
    for case in cases:
        refuse_size(case.width, case.height)


def refuse_size(width: int, height: int) -> None:
    sides_fit = min(width, height) >= SMALLEST_SIDE and max(width, height) <= LARGEST_SIDE
    if not sides_fit or width * height > MOST_PIXELS:
        limits = f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side, at most {MOST_PIXELS // 1_000_000} megapixels"
        raise UsageError(f"size {width}x{height}: cannot be timed; choose one of {limits}")


@contextmanager
def thread_count(threads: int | None) -> Iterator[int]:
    """PyTorch's number of CPU threads, set for a while; gives what it really is."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def prepare_subjects(cases: Sequence[Case], folder: Path) -> list[Subject]:
    """Load every model and write every picture, each once."""
    deblurrers: dict[tuple[str, str, str], Deblurrer] = {}
    hashes = {model: sha256_of(find_weights(model)) for model in dict.fromkeys(case.model for case in cases)}
    pictures: dict[tuple[int, int], np.ndarray] = {}
    subjects = []
    for case in cases:
        key, size = (case.model, case.device, case.precision), (case.width, case.height)
        if key not in deblurrers:
            deblurrers[key] = Deblurrer(*key)
        source = folder / f"{case.width}x{case.height}.jpg"
        if size not in pictures:
            pictures[size] = sample_picture(*size)
            write_photo(Photo(pictures[size], None, "JPEG"), source)
        subjects.append(Subject(case, deblurrers[key], hashes[case.model], pictures[size], source, folder / "out.jpg"))
    return subjects


def best_peaks(peaks: dict[tuple[torch.device, torch.dtype], float]) -> None:
    """Measure every peak, and keep the better of this and the last time."""
    for (device, dtype), best in peaks.items():
        peaks[device, dtype] = max(best, matrix_peak(device, dtype, PEAK_SECONDS))


def run_once(subject: Subject, keep: bool) -> None:
    """Restore a case's pixels, then its file; `keep` the seconds or not."""
    deblurrer = subject.deblurrer
    task = Task(subject.source, subject.target, "JPEG")
    try:
        with gpu_peak(subject):
            network = seconds_of(lambda: deblurrer.restore(subject.pixels), deblurrer.device)
        subject.target.unlink(missing_ok=True)
        file = seconds_of(lambda: process(task, lambda: deblurrer, Options()), deblurrer.device)
    except MemoryError:
        case = subject.case
        raise DeblurError(
            f"{case.model} on {deblurrer.device}: not enough memory for {case.width}x{case.height} pixels; "
            "close other programs or time a smaller size"
        ) from None
    if keep:
        subject.network.append(network)
        subject.file.append(file)


@contextmanager
def gpu_peak(subject: Subject) -> Iterator[None]:
    """Note the most memory that the GPU holds for this case; nothing on other devices."""
    device = subject.deblurrer.device
    if device.type != "cuda":
        yield
        return
    own = sum(weights.numel() * weights.element_size() for weights in subject.deblurrer.network.parameters())
    others = torch.cuda.memory_allocated(device) - own
    torch.cuda.reset_peak_memory_stats(device)
    yield
    subject.gpu_memory = max(subject.gpu_memory or 0, torch.cuda.max_memory_allocated(device) - others)


def row_of(subject: Subject, peaks: dict[tuple[torch.device, torch.dtype], float], threads: int | None) -> SpeedRow:
    """A case's row of the table; runs the command whose memory it tells."""
    case, deblurrer = subject.case, subject.deblurrer
    return SpeedRow(
        model=case.model,
        sha256=subject.sha256,
        device=device_name(deblurrer.device),
        precision=deblurrer.precision,
        width=case.width,
        height=case.height,
        network=Timing(tuple(subject.network)),
        file=Timing(tuple(subject.file)),
        flop=network_flop(deblurrer.info.architecture, deblurrer.info.config, case.width, case.height),
        peak=peaks[deblurrer.device, deblurrer.dtype],
        memory=command_memory(subject, threads),
        gpu_memory=subject.gpu_memory,
    )


def command_memory(subject: Subject, threads: int | None) -> int | None:
    """The peak memory in bytes of the command that a user would type for this case's file."""
    deblurrer = subject.deblurrer
    subject.target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "deblurcli", str(subject.source), "-o", str(subject.target)]
    command += ["--model", subject.case.model]
    command += ["--device", device_name(deblurrer.device), "--precision", deblurrer.precision]
    return peak_memory(command, {} if threads is None else {"OMP_NUM_THREADS": str(threads)})
