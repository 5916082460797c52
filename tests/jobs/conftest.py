"""Folders of small photos, a small model, and what a run over them needs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from PIL import Image

from deblurcli.jobs.events import Ended, Event, Tell, ignore
from deblurcli.jobs.outputs import prepare_roots
from deblurcli.jobs.pipeline import restore_here
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.records import Records, open_manifests
from deblurcli.jobs.run import Run, Stop
from deblurcli.jobs.task import Options, Result, Task
from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.networks.srn.network import SRN, SRNConfig
from deblurcli.restore.deblurrer import Deblurrer

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1, resize="area", global_residual=True)
NOBODY = 65534


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """A model that changes a picture a little."""
    torch.manual_seed(0)
    network = SRN(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.02)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(TINY), "tiny", licence="test"))
    return path


@pytest.fixture(scope="session")
def deblurrer(model_file) -> Deblurrer:
    return Deblurrer(model_file, "cpu")


@pytest.fixture
def photo(tmp_path) -> Callable[..., Path]:
    """photo(NAME, width, height) -> path; each name another picture."""

    def make(name: str, width: int = 64, height: int = 48) -> Path:
        y, x = np.mgrid[:height, :width]
        pixels = np.stack([x * 255 // width, (y + len(name)) % 256, (x // 8 + y // 8) % 2 * 200], -1).astype(np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return make


@pytest.fixture
def restore_folder(deblurrer) -> Callable[..., Iterator[Result]]:
    """restore_folder(source, target, ...) -> the results of a run, which waits while one is looked at."""

    def restore(
        source: Path,
        target: Path,
        options: Options | None = None,
        *,
        tasks: list[Task] | None = None,
        deblurrers: list[Deblurrer] | None = None,
        stop: Stop | None = None,
        on_event: Tell = ignore,
        lanes: int = 2,
    ) -> Iterator[Result]:
        tasks = tasks or make_plan([source], target, options, recursive=True).tasks
        records = Records(open_manifests(tasks), "settings")
        results: SimpleQueue[Result | None] = SimpleQueue()
        seen = threading.Semaphore(0)

        def tell(event: Event) -> None:
            on_event(event)
            if isinstance(event, Ended):
                results.put(event.result)
                seen.acquire()

        run = Run(options, records, prepare_roots(tasks), tell, stop)

        def work() -> None:
            try:
                restore_here(tasks, deblurrers or [deblurrer], run, lanes)
            finally:
                results.put(None)

        thread = threading.Thread(target=work, daemon=True)
        with records.kept():
            thread.start()
            for result in iter(results.get, None):
                yield result
                seen.release()
            thread.join()

    return restore


@pytest.fixture
def unprivileged(tmp_path, monkeypatch) -> Iterator[None]:
    """In `tmp_path`, as a user whom permissions hold back."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no such permissions")
    monkeypatch.chdir(tmp_path)
    if os.geteuid() != 0:
        yield
        return
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, NOBODY, -1)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
