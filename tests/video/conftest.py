"""Clips to restore, and what restores them: a tiny network with random weights."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from clips import make_clip
from small_model import save_small

from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.video.plan import VideoOptions, plan_video
from deblurcli.video.run import VideoOutcome, restore_video


@pytest.fixture(scope="session")
def deblurrer(tmp_path_factory) -> Deblurrer:
    return Deblurrer(save_small(tmp_path_factory.mktemp("model") / "small.safetensors"), "cpu", "fp32")


@pytest.fixture
def clip(tmp_path):
    """Make a clip in `tmp_path`: clip(NAME, **see make_clip) -> path."""
    return lambda name="clip.mp4", **options: make_clip(tmp_path / name, **options)


@pytest.fixture
def restore(deblurrer):
    """Restore a clip: restore(source, target, resume=..., after=..., **VideoOptions); it stops after so many frames."""

    def run(source: Path, target: Path, resume: bool = False, after: int | None = None, **options) -> VideoOutcome:
        wanted = VideoOptions(**options)
        stop = threading.Event()

        def advance(frames: int) -> None:
            if after is not None and frames >= after:
                stop.set()

        plan = plan_video(source, target, wanted)
        return restore_video(plan, deblurrer, "weights", wanted, resume=resume, stop=stop.is_set, advance=advance)

    return run
