"""Whole runs in this process: real files, a real model, real failures of the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurcli.batch import pipeline
from deblurcli.batch.choice import open_manifests
from deblurcli.batch.ledger import Ledger
from deblurcli.batch.manifest import Manifest
from deblurcli.batch.outputs import clear, prepare_roots
from deblurcli.batch.pipeline import Stop, run_jobs
from deblurcli.batch.plan import plan_jobs
from deblurcli.batch.run import Options, Status, run_job
from deblurcli.errors import OutputError
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(photo, tmp_path):
    """Twelve photos of several sizes, formats and subfolders."""
    for index in range(12):
        photo(f"in/{index % 3}/{index:02}{('.png', '.jpg', '.tif')[index % 3]}", 30 + 17 * index, 90 - 5 * index)
    return tmp_path / "in"


def statuses(outcomes):
    return Counter(outcome.status for outcome in outcomes)


def results(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".deblur-")
    }


def test_every_file_becomes_what_it_becomes_alone(folder, tmp_path, restore_folder, deblurrer):
    (folder / "bad.jpg").write_text("no photo")
    outcomes = list(restore_folder(folder, tmp_path / "out"))
    assert statuses(outcomes) == {Status.DONE: 12, Status.FAILED: 1}
    for job in plan_jobs([folder], tmp_path / "alone", recursive=True, format=None):
        if job.source.name != "bad.jpg":
            run_job(job, deblurrer, Options(), lambda share: None)
    assert results(tmp_path / "out") == results(tmp_path / "alone")
    records = Manifest(tmp_path / "out" / ".deblur-manifest.jsonl")
    assert records.last("0/00.png").status == "done"
    assert (records.last("0/00.png").width, records.last("0/00.png").height) == (30, 90)
    assert records.last("bad.jpg").status == "failed"


def test_several_devices_share_the_work_and_the_cores(folder, tmp_path, restore_folder, deblurrer):
    torch.set_num_threads(4)
    threads = {}

    def begin(device, job, pixels):
        threads[device] = torch.get_num_threads()

    two = list(restore_folder(folder, tmp_path / "two", deblurrers=[deblurrer, deblurrer], lanes=3, begin=begin))
    assert statuses(two) == {Status.DONE: 12}
    assert threads and set(threads.values()) == {2}
    assert torch.get_num_threads() == 4
    list(restore_folder(folder, tmp_path / "one"))
    assert results(tmp_path / "two") == results(tmp_path / "one")


def test_progress_is_told_for_each_device(folder, tmp_path, restore_folder):
    begun, shares = [], []
    list(
        restore_folder(
            folder,
            tmp_path / "out",
            begin=lambda device, job, pixels: begun.append((device, job.source.name, pixels)),
            advance=lambda device, share: shares.append(share),
        )
    )
    assert sorted(name for _, name, _ in begun) == sorted(path.name for path in folder.rglob("*.*"))
    assert (0, "00.png", 30 * 90) in begun
    assert shares.count(1.0) == 12


class Together(Deblurrer):
    """Notes how many photos it is given at once; may have no memory for more than one."""

    sizes: list[int]
    memory = True

    def restore_alike(self, images, *more):
        self.sizes.append(len(images))
        if len(images) > 1 and not self.memory:
            raise MemoryError
        return super().restore_alike(images, *more)


@pytest.mark.parametrize("memory", [True, False])
def test_small_photos_alike_are_restored_together(
    photo, tmp_path, restore_folder, model_file, deblurrer, monkeypatch, memory
):
    for index in range(24):
        photo(f"in/{index:02}.png", *((40, 30) if index < 16 else (30, 40)))
    together = Together(model_file, "cpu", together_pixels=4 * 40 * 30)
    together.sizes, together.memory = [], memory
    load, waiting, begun = pipeline.load_photo, threading.Semaphore(0), []

    def counted_load(*arguments):
        waiting.release()
        return load(*arguments)

    def begin(device, job, pixels):
        if not begun:
            for _ in range(24):
                waiting.acquire(timeout=20)
        begun.append(pixels)

    monkeypatch.setattr(pipeline, "load_photo", counted_load)
    outcomes = restore_folder(tmp_path / "in", tmp_path / "out", deblurrers=[together], begin=begin)
    assert statuses(outcomes) == {Status.DONE: 24}
    assert sum(begun) == 24 * 40 * 30
    assert max(together.sizes) == 4
    assert sum(together.sizes) == 24 or not memory
    for path in (tmp_path / "in").iterdir():
        wanted = deblurrer(np.asarray(Image.open(path))).astype(int)
        assert np.abs(np.asarray(Image.open(tmp_path / "out" / path.name)) - wanted).max() <= 1


def test_large_photos_are_not_read_ahead_together(photo, tmp_path, restore_folder, monkeypatch):
    for index in range(6):
        photo(f"in/{index}.png", 400, 300)
    monkeypatch.setattr(pipeline, "WAITING_PIXELS", 120_000)  # so that these are large
    decoded, most = 0, 0
    load, restore = pipeline.load_photo, pipeline.restore_loaded

    def counted_load(*arguments):
        nonlocal decoded, most
        decoded += 1
        most = max(most, decoded)
        return load(*arguments)

    def counted_restore(*arguments):
        nonlocal decoded
        result = restore(*arguments)
        decoded -= len(result)
        return result

    monkeypatch.setattr(pipeline, "load_photo", counted_load)
    monkeypatch.setattr(pipeline, "restore_loaded", counted_restore)
    assert statuses(restore_folder(tmp_path / "in", tmp_path / "out", lanes=4)) == {Status.DONE: 6}
    assert most <= 2  # one in the engine, and one ahead of it


def test_a_stop_leaves_the_rest_and_the_next_run_does_it(folder, tmp_path, restore_folder, monkeypatch):
    stop, restore = Stop(), pipeline.restore_loaded

    def restore_and_stop(*arguments):
        result = restore(*arguments)
        stop.request()
        return result

    monkeypatch.setattr(pipeline, "restore_loaded", restore_and_stop)
    outcomes = list(restore_folder(folder, tmp_path / "out", stop=stop))
    counts = statuses(outcomes)
    assert len(outcomes) == 12
    assert counts[Status.DONE] >= 1 and counts[Status.NOT_DONE] >= 1
    assert set(counts) == {Status.DONE, Status.NOT_DONE}
    assert len(results(tmp_path / "out")) == counts[Status.DONE]
    again = statuses(restore_folder(folder, tmp_path / "out"))
    assert again == {Status.SKIPPED: counts[Status.DONE], Status.DONE: counts[Status.NOT_DONE]}


def test_a_photo_in_hand_is_left_at_once(photo, tmp_path, restore_folder):
    photo("in/large.png", 1500, 1200)
    stop = Stop()
    outcomes = list(
        restore_folder(tmp_path / "in", tmp_path / "out", stop=stop, advance=lambda device, share: stop.request())
    )
    assert statuses(outcomes) == {Status.NOT_DONE: 1}
    assert results(tmp_path / "out") == {}


@pytest.mark.parametrize("replaced", [False, True])
def test_an_output_folder_that_is_removed_ends_the_run(folder, tmp_path, restore_folder, replaced):
    out, stop, outcomes = tmp_path / "out", Stop(), []
    for outcome in restore_folder(folder, out, stop=stop, lanes=1):
        outcomes.append(outcome)
        if len(outcomes) == 3:
            out.rename(tmp_path / "elsewhere")
            if replaced:
                out.mkdir()
    counts = statuses(outcomes)
    assert len(outcomes) == 12
    assert counts[Status.FAILED] <= 1 and counts[Status.NOT_DONE] >= 1
    assert "removed or replaced" in str(stop.lost)
    assert out.exists() == replaced
    assert replaced is False or list(out.iterdir()) == []
    assert len(results(tmp_path / "elsewhere")) == counts[Status.DONE]


def test_a_subfolder_that_is_removed_is_made_again(folder, tmp_path, restore_folder):
    outcomes = []
    for outcome in restore_folder(folder, tmp_path / "out", lanes=1):
        outcomes.append(outcome)
        shutil.rmtree(outcome.job.target.parent, ignore_errors=True)
    assert Status.NOT_DONE not in statuses(outcomes)


def test_permission_lost_ends_the_run(folder, tmp_path, restore_folder, unprivileged):
    out, stop, outcomes = Path("out"), Stop(), []
    for outcome in restore_folder(Path("in"), out, stop=stop, lanes=1):
        outcomes.append(outcome)
        if len(outcomes) == 2:
            for path in (out, *out.rglob("*")):
                path.chmod(0o500)
    for path in (out, *out.rglob("*")):
        path.chmod(0o755)
    counts = statuses(outcomes)
    assert len(outcomes) == 12 and counts[Status.FAILED] <= 1
    assert "out: Permission denied" in str(stop.lost)
    assert len(results(out)) == counts[Status.DONE]


def test_permission_lost_for_a_subfolder_costs_only_its_files(folder, tmp_path, restore_folder, unprivileged):
    (Path("out") / "1").mkdir(parents=True)
    (Path("out") / "1").chmod(0o500)
    stop = Stop()
    counts = statuses(restore_folder(Path("in"), Path("out"), stop=stop))
    (Path("out") / "1").chmod(0o755)
    assert counts == {Status.DONE: 8, Status.FAILED: 4}
    assert stop.lost is None


def test_an_output_folder_that_cannot_be_written_is_refused_first(folder, unprivileged, restore_folder):
    Path("out").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="results cannot be written to this folder"):
        next(restore_folder(Path("in"), Path("out")))


def test_a_full_disk_ends_the_run_and_more_room_lets_it_finish(photo, tmp_path, restore_folder):
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    out = tmp_path / "out"
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", out], check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        for index in range(20):
            path = photo(f"in/{index:02}.png", 90, 60)
            noise = np.random.default_rng(index).integers(0, 256, (60, 90, 3), np.uint8)
            Image.fromarray(noise).save(path)
        stop = Stop()
        outcomes = list(restore_folder(tmp_path / "in", out, stop=stop))
        counts = statuses(outcomes)
        assert len(outcomes) == 20 and counts[Status.NOT_DONE] >= 5 and counts[Status.FAILED] <= 2
        assert "No space left" in str(stop.lost)
        kept = results(out)
        assert len(kept) == counts[Status.DONE]
        for path in kept:
            Image.open(out / path).load()
        subprocess.run(["mount", "-o", "remount,size=4m", out], check=True)
        assert statuses(restore_folder(tmp_path / "in", out))[Status.DONE] == 20 - len(kept)
        assert len(results(out)) == 20 and kept.items() <= results(out).items()
    finally:
        subprocess.run(["umount", out], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such limit")
def test_a_result_larger_than_allowed_costs_only_itself(photo, tmp_path, restore_folder):
    import resource

    photo("in/a.png")
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "in" / "b.png")
    photo("in/c.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        outcomes = list(restore_folder(tmp_path / "in", tmp_path / "out"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert statuses(outcomes) == {Status.DONE: 2, Status.FAILED: 1}
    assert [path.name for path in results(tmp_path / "out")] == ["a.png", "c.png"]


def test_names_too_long_fail_before_any_work(photo, tmp_path, restore_folder):
    photo("in/" + "n" * 245 + ".png")
    (outcome,) = restore_folder(tmp_path / "in", tmp_path / "out", Options(compare=True))
    assert outcome.status is Status.FAILED
    assert "shorten it" in str(outcome.error)


def test_an_unexpected_error_costs_one_photo(folder, tmp_path, restore_folder, deblurrer, monkeypatch):
    real = type(deblurrer).restore_alike

    def restore(self, images, *arguments):
        if images[0].shape[:2] == (90, 30):
            raise RuntimeError("a surprise\nin two lines")
        return real(self, images, *arguments)

    monkeypatch.setattr(type(deblurrer), "restore_alike", restore)
    outcomes = list(restore_folder(folder, tmp_path / "out"))
    assert statuses(outcomes) == {Status.DONE: 11, Status.FAILED: 1}
    (error,) = [str(outcome.error) for outcome in outcomes if outcome.error]
    assert "a surprise in two lines" in error and "\n" not in error


def test_leftovers_of_killed_runs_are_removed(folder, tmp_path):
    jobs = plan_jobs([folder], tmp_path / "out", recursive=True, format=None)
    (tmp_path / "out" / "0").mkdir(parents=True)
    leftovers = [tmp_path / "out" / ".deblur-0123456789ab", tmp_path / "out" / "0" / ".deblur-0123456789ac"]
    other = tmp_path / "out" / "0" / ".deblur-notes"
    for path in (*leftovers, other):
        path.write_bytes(b"half a photo, or somebody's")
    clear(jobs)
    assert not any(path.exists() for path in leftovers)
    assert other.exists()


def test_an_error_while_telling_ends_the_run(folder, tmp_path, deblurrer):
    jobs = plan_jobs([folder], tmp_path / "out", recursive=True, format=None)
    told = []

    def tell(outcome):
        told.append(outcome.status)
        raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        run_jobs(
            jobs,
            [deblurrer],
            Options(),
            ledger=Ledger(open_manifests(jobs, None), "settings"),
            roots=prepare_roots(jobs),
            tell=tell,
        )
    assert len(told) == len(jobs)  # what was left undone was told too
    assert Status.NOT_DONE in told
