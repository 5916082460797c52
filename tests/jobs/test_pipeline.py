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

from deblurcli.errors import OutputError
from deblurcli.jobs import pipeline
from deblurcli.jobs.events import Advanced, Begun, Ended
from deblurcli.jobs.manifest import Manifest
from deblurcli.jobs.outputs import clear, prepare_roots
from deblurcli.jobs.pipeline import restore_here
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.process import process
from deblurcli.jobs.run import Run, Stop
from deblurcli.jobs.task import Options, Status
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(photo, tmp_path):
    """Twelve photos of several sizes, formats and subfolders."""
    for index in range(12):
        photo(f"in/{index % 3}/{index:02}{('.png', '.jpg', '.tif')[index % 3]}", 30 + 17 * index, 90 - 5 * index)
    return tmp_path / "in"


def statuses(ended):
    return Counter(result.status for result in ended)


def results(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".deblur-")
    }


def test_every_file_becomes_what_it_becomes_alone(folder, tmp_path, restore_folder, deblurrer):
    (folder / "bad.jpg").write_text("no photo")
    ended = list(restore_folder(folder, tmp_path / "out"))
    assert statuses(ended) == {Status.DONE: 12, Status.FAILED: 1}
    for task in make_plan([folder], tmp_path / "alone", recursive=True).tasks:
        if task.source.name != "bad.jpg":
            process(task, lambda: deblurrer, Options())
    assert results(tmp_path / "out") == results(tmp_path / "alone")
    records = Manifest(tmp_path / "out" / ".deblur-manifest.jsonl")
    assert records.last("0/00.png").status == "done"
    assert (records.last("0/00.png").width, records.last("0/00.png").height) == (30, 90)
    assert records.last("bad.jpg").status == "failed"


def test_several_devices_share_the_work_and_the_cores(folder, tmp_path, restore_folder, deblurrer):
    torch.set_num_threads(4)
    threads = {}

    def note(event):
        if isinstance(event, Begun):
            threads[event.engine] = torch.get_num_threads()

    two = list(restore_folder(folder, tmp_path / "two", deblurrers=[deblurrer, deblurrer], lanes=3, on_event=note))
    assert statuses(two) == {Status.DONE: 12}
    assert threads and set(threads.values()) == {2}
    assert torch.get_num_threads() == 4
    list(restore_folder(folder, tmp_path / "one"))
    assert results(tmp_path / "two") == results(tmp_path / "one")


def test_progress_is_told_for_each_device(folder, tmp_path, restore_folder):
    events = []
    list(restore_folder(folder, tmp_path / "out", on_event=events.append))
    begun = [(event.engine, event.task.source.name, event.pixels) for event in events if isinstance(event, Begun)]
    shares = [event.share for event in events if isinstance(event, Advanced)]
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
    load, waiting, begun = pipeline.load, threading.Semaphore(0), []

    def counted_load(*arguments):
        waiting.release()
        return load(*arguments)

    def note(event):
        if not isinstance(event, Begun):
            return
        if not begun:
            for _ in range(24):
                waiting.acquire(timeout=20)
        begun.append(event.pixels)

    monkeypatch.setattr(pipeline, "load", counted_load)
    ended = restore_folder(tmp_path / "in", tmp_path / "out", deblurrers=[together], on_event=note)
    assert statuses(ended) == {Status.DONE: 24}
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
    load, restore = pipeline.load, pipeline.restore

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

    monkeypatch.setattr(pipeline, "load", counted_load)
    monkeypatch.setattr(pipeline, "restore", counted_restore)
    assert statuses(restore_folder(tmp_path / "in", tmp_path / "out", lanes=4)) == {Status.DONE: 6}
    assert most <= 2  # one in the engine, and one ahead of it


def test_a_stop_leaves_the_rest_and_the_next_run_does_it(folder, tmp_path, restore_folder, monkeypatch):
    stop, restore = Stop(), pipeline.restore

    def restore_and_stop(*arguments):
        result = restore(*arguments)
        stop.request()
        return result

    monkeypatch.setattr(pipeline, "restore", restore_and_stop)
    ended = list(restore_folder(folder, tmp_path / "out", stop=stop))
    counts = statuses(ended)
    assert len(ended) == 12
    assert counts[Status.DONE] >= 1 and counts[Status.NOT_DONE] >= 1
    assert set(counts) == {Status.DONE, Status.NOT_DONE}
    assert len(results(tmp_path / "out")) == counts[Status.DONE]
    again = statuses(restore_folder(folder, tmp_path / "out"))
    assert again == {Status.SKIPPED: counts[Status.DONE], Status.DONE: counts[Status.NOT_DONE]}


def test_a_photo_in_hand_is_left_at_once(photo, tmp_path, restore_folder):
    photo("in/large.png", 1500, 1200)
    stop = Stop()
    ended = list(
        restore_folder(
            tmp_path / "in",
            tmp_path / "out",
            stop=stop,
            on_event=lambda event: isinstance(event, Advanced) and stop.request(),  # type: ignore[func-returns-value]
        )
    )
    assert statuses(ended) == {Status.NOT_DONE: 1}
    assert results(tmp_path / "out") == {}


@pytest.mark.parametrize("replaced", [False, True])
def test_an_output_folder_that_is_removed_ends_the_run(folder, tmp_path, restore_folder, replaced):
    out, stop, ended = tmp_path / "out", Stop(), []
    for result in restore_folder(folder, out, stop=stop, lanes=1):
        ended.append(result)
        if len(ended) == 3:
            out.rename(tmp_path / "elsewhere")
            if replaced:
                out.mkdir()
    counts = statuses(ended)
    assert len(ended) == 12
    assert counts[Status.FAILED] <= 1 and counts[Status.NOT_DONE] >= 1
    assert "removed or replaced" in str(stop.lost)
    assert out.exists() == replaced
    assert replaced is False or list(out.iterdir()) == []
    assert len(results(tmp_path / "elsewhere")) == counts[Status.DONE]


def test_a_subfolder_that_is_removed_is_made_again(folder, tmp_path, restore_folder):
    ended = []
    for result in restore_folder(folder, tmp_path / "out", lanes=1):
        ended.append(result)
        shutil.rmtree(result.task.target.parent, ignore_errors=True)
    assert Status.NOT_DONE not in statuses(ended)


def test_permission_lost_ends_the_run(folder, tmp_path, restore_folder, unprivileged):
    out, stop, ended = Path("out"), Stop(), []
    for result in restore_folder(Path("in"), out, stop=stop, lanes=1):
        ended.append(result)
        if len(ended) == 2:
            for path in (out, *out.rglob("*")):
                path.chmod(0o500)
    for path in (out, *out.rglob("*")):
        path.chmod(0o755)
    counts = statuses(ended)
    assert len(ended) == 12 and counts[Status.FAILED] <= 1
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
        ended = list(restore_folder(tmp_path / "in", out, stop=stop))
        counts = statuses(ended)
        assert len(ended) == 20 and counts[Status.NOT_DONE] >= 5 and counts[Status.FAILED] <= 2
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
        ended = list(restore_folder(tmp_path / "in", tmp_path / "out"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert statuses(ended) == {Status.DONE: 2, Status.FAILED: 1}
    assert [path.name for path in results(tmp_path / "out")] == ["a.png", "c.png"]


def test_names_too_long_fail_before_any_work(photo, tmp_path, restore_folder):
    photo("in/" + "n" * 245 + ".png")
    (result,) = restore_folder(tmp_path / "in", tmp_path / "out", Options(compare=True))
    assert result.status is Status.FAILED
    assert "shorten it" in str(result.error)


def test_an_unexpected_error_costs_one_photo(folder, tmp_path, restore_folder, deblurrer, monkeypatch):
    real = type(deblurrer).restore_alike

    def restore(self, images, *arguments):
        if images[0].shape[:2] == (90, 30):
            raise RuntimeError("a surprise\nin two lines")
        return real(self, images, *arguments)

    monkeypatch.setattr(type(deblurrer), "restore_alike", restore)
    ended = list(restore_folder(folder, tmp_path / "out"))
    assert statuses(ended) == {Status.DONE: 11, Status.FAILED: 1}
    (error,) = [str(result.error) for result in ended if result.error]
    assert "a surprise in two lines" in error and "\n" not in error


def test_leftovers_of_killed_runs_are_removed(folder, tmp_path):
    tasks = make_plan([folder], tmp_path / "out", recursive=True).tasks
    (tmp_path / "out" / "0").mkdir(parents=True)
    leftovers = [tmp_path / "out" / ".deblur-0123456789ab", tmp_path / "out" / "0" / ".deblur-0123456789ac"]
    other = tmp_path / "out" / "0" / ".deblur-notes"
    for path in (*leftovers, other):
        path.write_bytes(b"half a photo, or somebody's")
    clear(tasks)
    assert not any(path.exists() for path in leftovers)
    assert other.exists()


def test_an_error_while_telling_ends_the_run(folder, tmp_path, deblurrer):
    tasks = make_plan([folder], tmp_path / "out", recursive=True).tasks
    told, begun, ended = [], [], threading.Event()

    def tell(event):
        if isinstance(event, Ended):
            told.append(event.result.status)
            ended.set()
            raise BrokenPipeError("nobody listens")
        if isinstance(event, Begun):
            begun.append(event.task)
            if len(begun) == 4:  # else all may be done before the first is told
                ended.wait(60)

    with pytest.raises(BrokenPipeError):
        restore_here(tasks, [deblurrer], Run(roots=prepare_roots(tasks), tell=tell))
    assert len(told) == len(tasks)  # what was left undone was told too
    assert Status.NOT_DONE in told
