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

from deblurcli.batch.choice import open_manifests
from deblurcli.batch.ledger import Ledger
from deblurcli.batch.outputs import prepare_roots
from deblurcli.batch.pipeline import run_jobs
from deblurcli.batch.plan import make_plan
from deblurcli.batch.run import Options, Outcome
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
def restore_folder(deblurrer) -> Callable[..., Iterator[Outcome]]:
    """restore_folder(source, target, ...) -> the outcomes of a run, which waits while one is looked at."""

    def restore(source: Path, target: Path, options: Options | None = None, **more) -> Iterator[Outcome]:
        jobs = more.pop("jobs", None) or make_plan([source], target, recursive=True, format=None).jobs
        roots = prepare_roots(jobs)
        manifests = open_manifests(jobs, None)
        ledger = Ledger(manifests, "settings")
        engines = more.pop("deblurrers", [deblurrer])
        outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
        seen = threading.Semaphore(0)

        def tell(outcome: Outcome) -> None:
            outcomes.put(outcome)
            seen.acquire()

        def run() -> None:
            try:
                run_jobs(jobs, engines, options or Options(), ledger=ledger, roots=roots, tell=tell, **more)
            finally:
                outcomes.put(None)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        for outcome in iter(outcomes.get, None):
            yield outcome
            seen.release()
        thread.join()
        for manifest in manifests.values():
            manifest.close()

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
