"""Runs on a Ray cluster of two machines and an S3 store, both on loopback, and what befalls them."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from s3_server import kill_client

import deblurcli


def records(done):
    *photos, last = [json.loads(line) for line in done.stdout.splitlines()]
    return {record["input"].rpartition("/")[2]: record for record in photos}, last["summary"]


@pytest.fixture
def run(deblur, bucket, machines):
    """Start the batch on the cluster, from s3://bucket/in to s3://bucket/out."""

    def start(*arguments, **options):
        ray = ("--engine", "ray", "--address", machines.address, "--workers", "2")
        return deblur("batch", f"{bucket.url}/in", "-r", "-o", f"{bucket.url}/out", *ray, *arguments, **options)

    return start


@pytest.fixture
def expected(deblur, tmp_path):
    """What `deblur FOLDER -o OUTPUT` makes of the photos, by name."""

    def restore(folder):
        deblur(folder, "-r", "-o", "expected", "--quiet")
        files = [path for path in (tmp_path / "expected").rglob("*") if path.is_file() and path.name[0] != "."]
        return {path.relative_to(tmp_path / "expected").as_posix(): path.read_bytes() for path in files}

    return restore


def test_a_machine_is_killed_in_the_middle(run, machines, bucket, photos, expected, tmp_path):
    machines.keep(2)
    folder = photos(*(f"sub/{index} ü#.{'png' if index % 2 else 'jpg'}" for index in range(16)))
    (folder / "bad.jpg").write_text("no photo")
    bucket.upload(folder, "in")
    enough, killed = threading.Event(), []
    seen = set()

    def count(port):
        seen.add(port)
        if len([path for path in bucket.server.puts if f"{bucket.name}/out" in path]) == 4:
            enough.set()

    bucket.server.after("PUT", f"{bucket.name}/out", count)

    def kill():
        enough.wait(120)
        machines.kill(machines.machines[0])
        killed.append(True)

    threading.Thread(target=kill).start()
    done = run("--json")
    assert killed
    photos_told, summary = records(done)
    assert done.returncode == 1, done.stderr  # the bad one
    assert summary["done"] == 16
    assert summary["failed"] == 1
    assert "not a photograph" in photos_told["bad.jpg"]["error"]
    assert "a worker was lost" in done.stderr
    assert bucket.files("out") == expected(folder)
    assert set(bucket.versions("out").values()) == {1}  # whatever was computed twice was written once
    again = run("--resume")
    assert "16 skipped, 1 failed" in again.stderr
    assert set(bucket.versions("out").values()) == {1}


def test_a_worker_that_dies_after_writing(run, machines, bucket, photos, expected):
    """The result is in the store, and nobody has said so."""
    machines.keep(2)
    folder = photos("a.png", "b.png", "c.png")
    bucket.upload(folder, "in")
    died = []

    def die(port):
        if not died:
            died.append(port)
            kill_client(port)

    bucket.server.after("PUT", f"{bucket.name}/out/b.png", die)
    done = run()
    assert died
    assert done.returncode == 0, done.stderr
    assert "3 done" in done.stderr
    assert bucket.files("out") == expected(folder)
    assert set(bucket.versions("out").values()) == {1}


def test_a_photo_that_kills_every_worker(run, machines, bucket, photos, expected):
    machines.keep(2)
    folder = photos(*(f"{index}.png" for index in range(6)))
    bucket.upload(folder, "in")
    bucket.server.before("GET", f"{bucket.name}/in/3.png", kill_client)
    done = run()
    assert done.returncode == 1
    assert "3.png: its worker was lost 3 times" in done.stderr
    assert "5 done, 1 failed" in done.stderr
    assert sorted(bucket.files("out")) == ["0.png", "1.png", "2.png", "4.png", "5.png"]
    bucket.server.hooks.clear()
    again = run("--resume")
    assert again.returncode == 0, again.stderr
    assert bucket.files("out") == expected(folder)


def test_interrupted(run, machines, bucket, photos, expected):
    machines.keep(2)
    folder = photos(*(f"{index}.png" for index in range(40)))
    bucket.upload(folder, "in")
    enough = threading.Event()
    bucket.server.after("PUT", f"{bucket.name}/out", lambda port: enough.set())
    bucket.server.before("GET", f"{bucket.name}/in", lambda port: time.sleep(0.3))
    process = run(start=subprocess.Popen)
    assert enough.wait(120)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "--resume goes on with the rest" in errors
    assert 0 < len(bucket.files("out")) < 40
    machines.wait_for_no_actors()
    bucket.server.hooks.clear()
    again = run("--resume")
    assert again.returncode == 0, again.stderr
    assert bucket.files("out") == expected(folder)
    assert set(bucket.versions("out").values()) == {1}


def test_another_version_on_a_machine(run, machines, bucket, photos, tmp_path):
    machines.keep(1)
    other = tmp_path / "other" / "deblurcli"
    shutil.copytree(Path(deblurcli.__file__).parent, other, ignore=shutil.ignore_patterns("__pycache__", "lib"))
    (other / "version.py").write_text('__version__ = "0.0.1"\n')
    paths = os.pathsep.join(filter(None, [str(other.parent), os.environ.get("PYTHONPATH")]))
    machines.add_machine(env_vars={"PYTHONPATH": paths})
    bucket.upload(photos("a.png", "b.png"), "in")
    done = run()
    machines.kill(machines.machines[-1])
    assert done.returncode == 2, done.stderr
    assert "has deblurcli 0.0.1 and this one has" in done.stderr
    assert "Traceback" not in done.stderr
    assert bucket.files("out") == {}


def test_local_folders(deblur, machines, photos, expected, tmp_path):
    machines.keep(1)
    folder = photos("a.png", "sub/b.jpg")
    done = deblur("batch", "in", "-r", "-o", "out", "--engine", "ray", "--address", machines.address)
    assert done.returncode == 0, done.stderr
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {"a.png", "sub/b.jpg", ".deblur-manifest.jsonl"}
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names if name[0] != "."} == expected(folder)
    # The other command goes on where this one has stopped.
    assert "2 skipped" in deblur("in", "-r", "-o", "out", "--resume").stderr


def test_no_cluster(deblur, photos):
    pytest.importorskip("ray", reason="needs ray, see the extra cluster-dev")
    photos("a.png")
    refused = deblur("batch", "in", "-o", "out", "--engine", "ray", "--address", "127.0.0.1:9")
    assert refused.returncode == 2
    assert "nothing answers there" in refused.stderr
    assert refused.stderr.count("\n") == 1
