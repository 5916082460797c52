from __future__ import annotations

import os

import pytest

from deblurcli.errors import UsageError
from deblurcli.jobs.choice import OVER_LIMIT, TOO_OLD, Shard, Wanted, choose, in_shard, parse_shard, parse_time
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.records import open_manifests
from deblurcli.jobs.task import Options, Task


@pytest.fixture
def tasks(photo, tmp_path):
    for name in "abc":
        photo(f"in/{name}.png")
    return make_plan([tmp_path / "in"], tmp_path / "out", recursive=True).tasks


def chosen(tasks, settings="settings", **wanted):
    return choose(tasks, Wanted(**wanted), open_manifests(tasks), settings)


def names(tasks):
    return [task.source.name for task in tasks]


def reasons(choice):
    return {result.task.source.name: str(result.error).split(": ", 1)[1] for result in choice.skipped}


def test_shards_are_disjoint_and_complete(tmp_path):
    tasks = [
        Task(tmp_path / f"{i}.jpg", tmp_path / f"o{i}.jpg", "JPEG", name=f"sub/{i} \udcff.jpg") for i in range(1000)
    ]
    shares = [[task for task in tasks if in_shard(task, Shard(number, 7))] for number in range(1, 8)]
    assert sorted(task.name for share in shares for task in share) == sorted(task.name for task in tasks)
    assert all(90 < len(share) < 200 for share in shares)


def test_a_shard_does_not_depend_on_the_machine():
    task = Task("x", "y", "JPEG", name="holiday/photo 1.jpg")
    assert [number for number in range(1, 6) if in_shard(task, Shard(number, 5))] == [1]


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/b", "1/", "-1/4", "1/4/2"])
def test_shards_that_make_no_sense(text):
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)
    assert parse_shard("4/4") == Shard(4, 4)


def test_times(tmp_path, photo):
    file = photo("a.png")
    os.utime(file, (1000, 2000))
    assert parse_time(str(file)) == 2000
    assert parse_time("2024-05-31T18:00+00:00") == 1717178400
    assert parse_time("2024-06-01") - parse_time("2024-05-31") == 86400
    with pytest.raises(UsageError, match="no such file, and no date"):
        parse_time("yesterday")


def test_only_new_ones_and_so_many(tasks):
    os.utime(tasks[0].source, (1000, 1000))
    choice = chosen(tasks, newer_than=2000, limit=1)
    assert names(choice.todo) == ["b.png"]
    assert [found.reason for found in choice.left_out] == [TOO_OLD, OVER_LIMIT]


def test_the_limit_counts_what_is_to_be_done(tasks):
    tasks[0].target.parent.mkdir()
    tasks[0].target.touch()
    assert names(chosen(tasks, limit=1).todo) == ["b.png"]


def test_what_exists_is_skipped_redone_or_resumed(tasks, restore_folder, photo, tmp_path):
    assert len(list(restore_folder(tmp_path / "in", tmp_path / "out"))) == 3
    (tmp_path / "out" / "c.png").unlink()
    photo("in/b.png", 30, 20)
    foreign = photo("in/d.png")
    (tmp_path / "out" / "d.png").write_bytes(foreign.read_bytes())
    tasks = make_plan([tmp_path / "in"], tmp_path / "out", recursive=True).tasks

    plain = chosen(tasks)
    assert names(plain.todo) == ["c.png"]
    assert "--overwrite" in reasons(plain)["a.png"]
    assert "--resume does it again" in reasons(plain)["b.png"]

    resumed = chosen(tasks, resume=True)
    assert names(resumed.todo) == ["b.png", "c.png"]
    assert reasons(resumed)["a.png"] == "done by an earlier run"
    assert "no record" in reasons(resumed)["d.png"]
    assert [task.overwrite for task in resumed.todo] == [True, False]

    assert names(chosen(tasks, settings="others", resume=True).todo) == ["a.png", "b.png", "c.png"]
    assert names(chosen(tasks, overwrite=True).todo) == ["a.png", "b.png", "c.png", "d.png"]


def test_a_before_after_picture_alone_does_not_count_as_done(tasks, restore_folder, tmp_path):
    options = Options(compare=True)
    tasks = make_plan([tmp_path / "in"], tmp_path / "out", options, recursive=True).tasks
    assert len(list(restore_folder(tmp_path / "in", tmp_path / "out", options))) == 3
    (tmp_path / "out" / "a.png").unlink()
    (tmp_path / "out" / "b-compare.jpg").unlink()
    assert names(chosen(tasks).todo) == ["a.png"]
    assert names(chosen(tasks, resume=True).todo) == ["a.png", "b.png"]


def test_resume_without_records(photo, tmp_path):
    tasks = make_plan([photo("a.png"), photo("b.png")], None).tasks
    with pytest.raises(UsageError, match="--output FOLDER"):
        chosen(tasks, resume=True)
