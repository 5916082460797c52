from __future__ import annotations

import os

import pytest

from deblurcli.batch.choice import (
    OVER_LIMIT,
    TOO_OLD,
    Shard,
    choose_jobs,
    in_shard,
    open_manifests,
    parse_shard,
    parse_time,
)
from deblurcli.batch.plan import Job, make_plan
from deblurcli.batch.run import Options
from deblurcli.errors import UsageError


@pytest.fixture
def jobs(photo, tmp_path):
    for name in "abc":
        photo(f"in/{name}.png")
    return make_plan([tmp_path / "in"], tmp_path / "out", recursive=True, format=None).jobs


def chosen(jobs, options=None, settings="settings", resume=False, **more):
    manifests = open_manifests(jobs, None)
    return choose_jobs(jobs, options or Options(), manifests, settings, resume=resume, **more)


def names(jobs):
    return [job.source.name for job in jobs]


def reasons(choice):
    return {outcome.job.source.name: str(outcome.error).split(": ", 1)[1] for outcome in choice.skipped}


def test_shards_are_disjoint_and_complete(tmp_path):
    jobs = [Job(tmp_path / f"{i}.jpg", tmp_path / f"o{i}.jpg", "JPEG", name=f"sub/{i} \udcff.jpg") for i in range(1000)]
    shares = [[job for job in jobs if in_shard(job, Shard(number, 7))] for number in range(1, 8)]
    assert sorted(job.name for share in shares for job in share) == sorted(job.name for job in jobs)
    assert all(90 < len(share) < 200 for share in shares)


def test_a_shard_does_not_depend_on_the_machine():
    job = Job("x", "y", "JPEG", name="holiday/photo 1.jpg")
    assert [number for number in range(1, 6) if in_shard(job, Shard(number, 5))] == [1]


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


def test_only_new_ones_and_so_many(jobs):
    os.utime(jobs[0].source, (1000, 1000))
    choice = chosen(jobs, newer_than=2000, limit=1)
    assert names(choice.todo) == ["b.png"]
    assert [found.reason for found in choice.left_out] == [TOO_OLD, OVER_LIMIT]


def test_the_limit_counts_what_is_to_be_done(jobs):
    jobs[0].target.parent.mkdir()
    jobs[0].target.touch()
    assert names(chosen(jobs, limit=1).todo) == ["b.png"]


def test_what_exists_is_skipped_redone_or_resumed(jobs, restore_folder, photo, tmp_path):
    assert len(list(restore_folder(tmp_path / "in", tmp_path / "out"))) == 3
    (tmp_path / "out" / "c.png").unlink()
    photo("in/b.png", 30, 20)
    foreign = photo("in/d.png")
    (tmp_path / "out" / "d.png").write_bytes(foreign.read_bytes())
    jobs = make_plan([tmp_path / "in"], tmp_path / "out", recursive=True, format=None).jobs

    plain = chosen(jobs)
    assert names(plain.todo) == ["c.png"]
    assert "--overwrite" in reasons(plain)["a.png"]
    assert "--resume does it again" in reasons(plain)["b.png"]

    resumed = chosen(jobs, resume=True)
    assert names(resumed.todo) == ["b.png", "c.png"]
    assert reasons(resumed)["a.png"] == "done by an earlier run"
    assert "no record" in reasons(resumed)["d.png"]
    assert [job.replace for job in resumed.todo] == [True, False]

    assert names(chosen(jobs, settings="others", resume=True).todo) == ["a.png", "b.png", "c.png"]
    assert names(chosen(jobs, Options(overwrite=True)).todo) == ["a.png", "b.png", "c.png", "d.png"]


def test_a_before_after_picture_alone_does_not_count_as_done(jobs, restore_folder, tmp_path):
    options = Options(compare=True)
    assert len(list(restore_folder(tmp_path / "in", tmp_path / "out", options))) == 3
    (tmp_path / "out" / "a.png").unlink()
    (tmp_path / "out" / "b-compare.jpg").unlink()
    assert names(chosen(jobs, options).todo) == ["a.png"]
    assert names(chosen(jobs, options, resume=True).todo) == ["a.png", "b.png"]


def test_resume_without_records(photo, tmp_path):
    jobs = make_plan([photo("a.png"), photo("b.png")], None, recursive=False, format=None).jobs
    with pytest.raises(UsageError, match="--output FOLDER"):
        chosen(jobs, resume=True)
