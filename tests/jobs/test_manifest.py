from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from deblurcli.jobs.manifest import Manifest, Record
from deblurcli.jobs.model import Model
from deblurcli.jobs.stores.files import fingerprint_of
from deblurcli.jobs.task import Options

RECORD = Record("/in/a.jpg", "10-20", "settings", "sub/a.jpg", "done", 1.5, 640, 480, None, ("a note",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / ".deblur-manifest.jsonl"


def keys(record):
    return record.input, record.fingerprint, record.settings, record.output


def test_a_record_comes_back(path):
    odd = replace(RECORD, output="new\nline \udcff é.jpg", error='it\'s "odd"', status="guarded")
    with Manifest(path) as manifest:
        assert manifest.finished(*keys(RECORD)) is None
        manifest.append(RECORD)
        manifest.append(odd)
        assert manifest.finished(*keys(RECORD)) == RECORD
    assert Manifest(path).finished(*keys(RECORD)) == RECORD
    assert Manifest(path).finished(*keys(odd)) == odd
    lines = path.read_text().splitlines()
    assert [json.loads(line)["output"] for line in lines] == [RECORD.output, odd.output]


@pytest.mark.parametrize("field", ["input", "fingerprint", "settings", "output"])
def test_another_input_or_setting_is_not_finished(path, field):
    with Manifest(path) as manifest:
        manifest.append(RECORD)
    assert Manifest(path).finished(*keys(replace(RECORD, **{field: "other"}))) is None


@pytest.mark.parametrize("status", ["failed", "started"])
def test_the_newest_record_of_an_output_counts(path, status):
    with Manifest(path) as manifest:
        manifest.append(RECORD)
        manifest.append(replace(RECORD, status=status))
        assert manifest.finished(*keys(RECORD)) is None
        assert manifest.last(RECORD.output).status == status
        manifest.append(RECORD)
    assert Manifest(path).finished(*keys(RECORD)) == RECORD


def test_reading_creates_nothing(path):
    Manifest(path).close()
    assert not path.parent.exists()


@pytest.mark.parametrize("torn", [b'{"input": "x", "outp', b"\xff\xfe\0", b"[1]", b"{}", b'{"time": 1, "input": "a"}'])
def test_a_torn_last_line_is_tolerated_and_cut_off(path, torn):
    with Manifest(path) as manifest:
        manifest.append(RECORD)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    other = replace(RECORD, output="b.jpg")
    with Manifest(path) as manifest:
        assert manifest.finished(*keys(RECORD)) == RECORD
        manifest.append(other)
    assert path.read_bytes().startswith(whole + b'{"time"')
    assert Manifest(path).finished(*keys(other)) == other


def test_a_torn_line_of_a_run_at_work_is_left_to_it(path):
    with Manifest(path) as one:
        one.append(RECORD)
        with path.open("ab") as file:
            file.write(b'{"half')
        other = replace(RECORD, output="b.jpg")
        with Manifest(path) as two:
            two.append(other)
    assert b'{"half\n{' in path.read_bytes()
    again = Manifest(path)
    assert again.finished(*keys(RECORD)) and again.finished(*keys(other))


def test_two_runs_append_without_harming_each_other(path):
    def append(prefix):
        with Manifest(path) as manifest:
            for index in range(100):
                manifest.append(replace(RECORD, output=f"{prefix}{index}"))
                assert manifest.finished(*keys(replace(RECORD, output=f"{prefix}{index}")))

    threads = [threading.Thread(target=append, args=(prefix,)) for prefix in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Manifest(path)
    assert all(again.finished(*keys(replace(RECORD, output=f"{p}{i}"))) for p in "ab" for i in range(100))


def test_other_manifests_are_read_and_the_newest_record_counts(path):
    shard = path.with_name(".deblur-manifest-1-of-2.jsonl")
    with Manifest(shard) as manifest:
        manifest.append(RECORD)
    with Manifest(path, [shard]) as manifest:
        assert manifest.finished(*keys(RECORD)) == RECORD
        path.parent.mkdir(exist_ok=True)
        later = {"time": 2**40, **json.loads(shard.read_text()), "settings": "newer"}
        later["time"] = 2**40
        path.write_text(json.dumps(later) + "\n")
    both = Manifest(shard, [path])
    assert both.finished(*keys(RECORD)) is None
    assert both.last(RECORD.output).settings == "newer"


def test_settings_differ_with_the_weights_and_every_option(tmp_path):
    (tmp_path / "a").write_bytes(b"a"), (tmp_path / "b").write_bytes(b"b")
    a, b = Model(tmp_path / "a"), Model(tmp_path / "b")
    hashes = {
        a.settings(Options()),
        b.settings(Options()),
        replace(a, tta=True).settings(Options()),
        replace(a, precision="fp32").settings(Options()),
        a.settings(Options(strength=0.5)),
        a.settings(Options(quality=90)),
        a.settings(Options(format="PNG")),
        a.settings(Options(compare=True)),
    }
    assert len(hashes) == 8
    assert replace(a, device="cpu").settings(Options()) in hashes


def test_records_of_earlier_versions_are_understood(tmp_path, monkeypatch):
    monkeypatch.setattr("deblurcli.jobs.model.__version__", "0.13.0")
    (tmp_path / "a").write_bytes(b"a")
    assert Model(tmp_path / "a").settings(Options(0.5, 90, "WEBP", True)) == "df88bfb4ad82faf68d5cabe93393bd86"


def test_a_fingerprint_changes_with_the_file(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"one")
    before = fingerprint_of(file)
    assert fingerprint_of(file) == before
    file.write_bytes(b"three")
    assert fingerprint_of(file) != before
