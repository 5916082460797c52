"""`deblur batch` in a process of its own, as a user meets it: local folders, and an S3 store on loopback."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest


def tree(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_as_without_batch(deblur, photos, tmp_path):
    photos("a.png", "sub/b.jpg", "sub/ü.tif", "sub/deeper/c.webp")
    (tmp_path / "in" / "notes.txt").touch()
    done = deblur("batch", "in", "-r", "-o", f"file://{tmp_path}/out")
    assert done.returncode == 0, done.stderr
    assert "4 done" in done.stderr
    assert "left out  1  not photographs by their names" in done.stderr
    deblur("in", "-r", "-o", "expected")
    assert tree(tmp_path / "out") == tree(tmp_path / "expected")
    again = deblur("in", "-r", "-o", "out", "--resume")  # one command goes on where the other has stopped
    assert "4 skipped" in again.stderr
    assert "done by an earlier run" in again.stderr
    both = deblur("batch", "in", "-r", "-o", "expected", "--resume")
    assert "done by an earlier run" in both.stderr


def test_from_store_to_store(deblur, bucket, photos, tmp_path):
    folder = photos("a.png", "sub/b c#1?.jpg")
    (folder / "bad.png").write_text("no photo")
    source, cache = bucket.upload(folder, "in"), tmp_path / "cache"
    arguments = ("batch", source, "-r", "-o", f"{bucket.url}/out")
    done = deblur(*arguments, "--json", HF_HOME=cache)
    assert done.returncode == 1, done.stderr
    assert "bad.png: not a photograph" in done.stderr
    *records, last = map(json.loads, done.stdout.splitlines())
    assert last["summary"]["done"] == 2
    assert last["summary"]["failed"] == 1
    first = next(record for record in records if record["status"] == "done")
    assert first["input"].startswith(source)
    assert first["output"].startswith(f"{bucket.url}/out/")
    deblur("in", "-r", "-o", "expected")
    assert bucket.files("out") == tree(tmp_path / "expected")

    bucket.fs.put(str(photos("x.png", "y.png", folder="other") / "y.png"), f"{bucket.name}/in/a.png")
    bucket.fs.rm(f"{bucket.name}/in/bad.png")
    plain = deblur(*arguments, HF_HOME=cache)
    assert plain.returncode == 0
    assert "exists, but photo or settings have changed; --resume does it again" in plain.stderr
    bucket.fs.rm(f"{bucket.name}/out/sub/b c#1?.jpg")
    resumed = deblur(*arguments, "--resume", HF_HOME=cache)
    assert "2 done" in resumed.stderr
    assert bucket.files("out")["sub/b c#1?.jpg"] == tree(tmp_path / "expected")["sub/b c#1?.jpg"]
    assert bucket.files("out")["a.png"] != tree(tmp_path / "expected")["a.png"]
    assert "2 skipped" in deblur(*arguments, "--resume", HF_HOME=cache).stderr
    unknown = deblur(*arguments, "--resume", "--manifest", "new.jsonl")
    assert "exists, and no record says what made it" in unknown.stderr


def test_the_output_disappears(deblur, bucket, photos):
    """After three photos in a row that cannot be written the run ends; the others are accounted for as not done."""
    source = bucket.upload(photos(*(f"{index}.png" for index in range(20))), "in")
    refused = deblur("batch", source, "-o", "s3://no-such-bucket/out")
    assert refused.returncode == 1
    assert refused.stderr == "deblur: s3://no-such-bucket/out: there is no such bucket; check its name, or create it\n"
    gone = f"{bucket.name}-gone"
    bucket.fs.mkdir(gone)
    bucket.server.before("GET", f"{bucket.name}/in/0.png", lambda port: bucket.fs.rmdir(gone))
    stopped = deblur("batch", source, "-o", f"s3://{gone}/out", "--manifest", "m.jsonl")
    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert "failed" in stopped.stderr
    last = stopped.stderr.splitlines()[-1]
    assert "there is no such bucket" in last
    assert "the same command with --resume goes on with the rest" in last


@pytest.mark.skipif(os.name == "nt", reason="no such signals")
def test_interrupted(deblur, photos, bucket):
    source = bucket.upload(photos(*(f"{index}.png" for index in range(30))), "in")
    enough = threading.Event()
    bucket.server.after("PUT", f"{bucket.name}/out", lambda port: enough.set())
    bucket.server.before("GET", f"{bucket.name}/in", lambda port: time.sleep(0.2))
    process = deblur("batch", source, "-o", f"{bucket.url}/out", "--manifest", "m.jsonl", start=subprocess.Popen)
    assert enough.wait(60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "--resume goes on with the rest" in errors
    written = len(bucket.files("out"))
    assert 0 < written < 30
    bucket.server.hooks.clear()
    again = deblur("batch", source, "-o", f"{bucket.url}/out", "--manifest", "m.jsonl", "--resume")
    assert again.returncode == 0, again.stderr
    assert f"{30 - written} done, {written} skipped" in again.stderr
    assert set(bucket.versions("out").values()) == {1}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["in", "-o", "in"], 2, "the output folder is the input folder"),
        (["in/a.png", "-o", "in"], 2, "is an input"),
        (["in", "-o", "in/a.png"], 2, "is a file"),
        (["in/a.png", "in/a.jpg", "-o", "out", "--format", "png"], 2, "would both become"),
        (["nowhere", "-o", "out"], 3, "nowhere: no such file or folder"),
        (["in/empty", "-o", "out"], 3, "no images found"),
        (["in", "-o", "xyz://out"], 2, "not a known kind of store"),
        (["in", "-o", "out", "--resume", "--overwrite"], 2, "give only one"),
        (["in", "-o", "out", "--workers", "2"], 2, "--engine ray"),
        (["in"], 2, "output"),
    ],
)
def test_bad_input_gets_a_clear_line_and_its_exit_code(deblur, photos, tmp_path, arguments, code, words):
    photos("a.png", "a.jpg")
    (tmp_path / "in" / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    refused = deblur("batch", *arguments)
    assert refused.returncode == code, refused.stderr
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": "none"},
            "no credentials were found; set AWS_ACCESS_KEY_ID",
        ),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "cannot be reached"),
    ],
)
def test_a_store_that_cannot_be_used(deblur, s3_server, environment, words):
    refused = deblur("batch", "s3://bucket/in", "-o", "out", **environment)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
