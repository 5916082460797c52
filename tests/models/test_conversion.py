"""Models that are converted after their download: the real command and the real client, in processes of their own,
against a Hub on this machine that serves small checkpoints of the port to Keras."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
import torch
from hub_server import HubServer
from maxim_listing import as_keras, random_parameters
from other_catalog import WORDS, add_record, failure, finish, make_program
from saved_model_writer import write_saved_model

from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.models.importers.maxim_release import from_bundle
from deblurcli.models.importers.tensor_bundle import open_bundle
from deblurcli.networks.maxim.network import MAXIMConfig

TINY = MAXIMConfig(features=4, sizes=(4, 2, 2), groups=1, bottleneck_blocks=1, stages=2)
REPO = "org/some-checkpoint"
INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"
ELSEWHERE = "get it from a friend"


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The two files of a model, by their names in the repository."""
    folder = write_saved_model(tmp_path_factory.mktemp("saved"), as_keras(random_parameters(TINY)))
    return {name: (folder / name).read_bytes() for name in (INDEX, DATA)}


@pytest.fixture(scope="module")
def state(files, tmp_path_factory):
    """The weights in them."""
    folder = tmp_path_factory.mktemp("copy")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return from_bundle(open_bundle(folder / INDEX), TINY).state


@pytest.fixture
def hub(files, tmp_path):
    """A Hub with the model "whole", whose index has no SHA-256 in the catalogue, and "first", its first stage."""
    with HubServer() as server:
        commit = server.add("models", REPO, dict(files), "apache-2.0")
        make_program(tmp_path / "site")
        add_record(
            tmp_path / "site",
            "whole",
            **{**WORDS, "architecture": "maxim"},
            licence="Apache-2.0",
            repo=REPO,
            commit=commit,
            elsewhere=ELSEWHERE,
            files=[
                {"name": INDEX, "bytes": len(files[INDEX])},
                {"name": DATA, "bytes": len(files[DATA]), "sha256": sha256(files[DATA]).hexdigest()},
            ],
        )
        add_record(tmp_path / "site", "first", like="whole", stages=1)
        yield server


@pytest.fixture
def begin(hub, tmp_path):
    """begin(ARGUMENT..., VARIABLE=value) -> a running `deblur ARGUMENT...`."""

    def begin(*arguments, limit=None, **environment):
        variables = {**hub.environment(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "site"), **environment}
        return subprocess.Popen(
            [sys.executable, "-m", "deblurcli", *map(str, arguments)],
            env=variables,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
        )

    return begin


@pytest.fixture
def deblur(begin):
    """deblur(ARGUMENT..., VARIABLE=value) -> (exit code, standard output, standard error) of `deblur ARGUMENT...`."""
    return lambda *arguments, **options: finish(begin(*arguments, **options))


@pytest.fixture
def pull(deblur):
    """pull(NAME, OPTION...) -> the file that is loaded, and the lines of standard error; it must succeed."""

    def pull(name, *options, **more):
        code, output, errors = deblur("weights", "pull", name, "--json", *options, **more)
        assert code == 0, errors
        return Path(json.loads(output)["path"]), errors.splitlines()

    return pull


def kept(tmp_path):
    """All files in this program's own cache."""
    folder = tmp_path / "home/assets/deblurcli"
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def blobs(tmp_path):
    return [path for path in (tmp_path / "home/hub").glob("models--*/blobs/*") if path.stat().st_size]


def damage(path):
    path.write_bytes(flipped(path.read_bytes(), path.stat().st_size - 1000))


def test_downloaded_once_and_converted_once(hub, pull, deblur, state):
    path, lines = pull("whole")
    commit = hub.repos["models", REPO].main
    assert lines[0].startswith(f"whole: downloading {INDEX} and {DATA} (")
    assert lines[0].endswith(
        f"MB, licence: Apache-2.0) from {REPO} at {hub.url}, commit {commit}, {INDEX} checked by the SHA-256 that the "
        "Hub lists"
    )
    assert lines[1] == "whole: converting variables.index, once"
    assert lines[2].startswith("whole: the kernels of the transposed convolutions were turned by 180 degrees")
    assert len(lines) == 3
    assert len(hub.downloads()) == 2
    network, _ = load_checkpoint(path)
    assert network.config == TINY
    assert all(torch.equal(value, torch.from_numpy(state[key])) for key, value in network.state_dict().items())

    hub.connections = 0
    assert pull("whole") == (path, [])
    first, lines = pull("first")  # of the same download
    assert lines[0] == "first: converting variables.index, once"
    assert load_checkpoint(first)[0].config.stages == 1
    assert first.stat().st_size < 0.6 * path.stat().st_size
    assert pull("whole") == (path, [])
    assert deblur("weights", "path", "first")[1] == f"{first}\n"
    told = [json.loads(line) for line in deblur("weights", "verify", "--json")[1].splitlines()]
    assert [(one["name"], one["state"], one["path"]) for one in told] == [
        ("whole", "intact", str(path)),
        ("first", "intact", str(first)),
    ]
    assert [one["sha256"] for one in told] == [sha256(file.read_bytes()).hexdigest() for file in (path, first)]
    assert hub.connections == 0


def test_what_is_told_of_it(files, deblur, pull):
    whole = json.loads(deblur("weights", "info", "whole", "--json")[1])
    assert (whole["path"], whole["size"]) == (None, sum(map(len, files.values())))
    assert [file["name"] for file in whole["files"]] == [INDEX, DATA]
    assert json.loads(deblur("weights", "info", "first", "--json")[1])["stages"] == 1
    assert ", shared with first" in deblur("weights", "info", "whole")[1]
    assert deblur("weights", "list")[1].count(" no ") == 2
    path, _ = pull("whole")
    assert deblur("weights", "list")[1].count(" downloaded ") == 2  # the download is here for both
    assert json.loads(deblur("weights", "info", "whole", "--json")[1])["path"] == str(path)


def test_offline(hub, pull, deblur):
    line = failure(deblur("weights", "pull", "first", "--offline"), 4)
    assert "requests are forbidden" in line
    assert line.endswith(f"or {ELSEWHERE}")
    assert hub.connections == 0
    pull("whole")
    hub.connections = 0
    first, lines = pull("first", "--offline")
    assert lines[0] == "first: converting variables.index, once"
    damage(first)
    assert pull("first", "--offline")[1][:2] == [
        f"{first}: damaged, its SHA-256 is wrong; it is made again",
        "first: converting variables.index, once",
    ]
    assert pull("first", "--offline") == (first, [])
    assert hub.connections == 0


def test_a_converted_file_that_was_damaged(hub, pull, deblur, tmp_path):
    path, _ = pull("whole")
    content = path.read_bytes()
    damage(path)
    code, output, errors = deblur("weights", "verify")
    assert (code, output) == (5, f"whole: damaged, {path}\nfirst: intact, {blob_of(tmp_path, INDEX)}\n")
    assert errors == "deblur: whole: damaged, run `deblur weights pull whole`\n"
    hub.connections = 0
    assert pull("whole")[1][0] == f"{path}: damaged, its SHA-256 is wrong; it is made again"
    for note in (b"[]", path.with_suffix(".json").read_bytes()[:-9]):
        path.with_suffix(".json").write_bytes(note)
        assert "once" in pull("whole")[1][0]
    assert path.read_bytes() == content
    assert hub.connections == 0

    shutil.rmtree(tmp_path / "home/hub")  # as by other tools: what was made of it can still be used
    assert pull("whole", "--offline") == (path, [])
    damage(path)
    line = failure(deblur("weights", "pull", "whole", "--offline"), 5)
    assert line == f"{path}: damaged, its SHA-256 is wrong; run `deblur weights pull whole` when online"
    pull("whole")
    assert path.read_bytes() == content


def blob_of(tmp_path, name):
    (path,) = (tmp_path / "home/hub").glob(f"models--*/snapshots/*/{name}")
    return path


@pytest.mark.parametrize("name", [pytest.param(INDEX, marks=pytest.mark.thorough), DATA])
def test_a_download_that_arrives_damaged(hub, files, deblur, pull, tmp_path, name):
    body = flipped(files[name], 100)
    hub.fail(f"/resolve/{hub.repos['models', REPO].main}/{name}", methods=("GET",), body=body)
    line = failure(deblur("weights", "pull", "whole"), 5)
    assert line.startswith(f"{name} of {REPO}: arrived damaged twice from {hub.url}, its SHA-256 is wrong; try again")
    assert not kept(tmp_path)
    assert deblur("weights", "path", "whole")[0] == 4
    hub.heal()
    hub.fail(f"/resolve/{hub.repos['models', REPO].main}/{name}", methods=("GET",), body=body, times=1)
    pull("whole")


def test_an_index_in_plain_git_is_checked_too(hub, files, deblur, pull):
    hub.repos["models", REPO].git.add(INDEX)
    hub.fail(f"/{INDEX}", methods=("GET",), body=flipped(files[INDEX], 100))
    line = failure(deblur("weights", "pull", "whole"), 5)
    assert line.startswith(f"{INDEX} of {REPO}: arrived damaged twice from {hub.url}, its SHA-1 is wrong")
    hub.heal()
    assert f"{INDEX} checked by the SHA-1 that the Hub lists" in pull("whole")[1][0]


@pytest.mark.parametrize("name", [pytest.param(INDEX, marks=pytest.mark.thorough), DATA])
def test_damage_in_the_cache(hub, pull, deblur, tmp_path, name):
    path, _ = pull("whole")
    damaged = blob_of(tmp_path, name)
    content = damaged.read_bytes()
    damage(damaged.resolve())
    assert pull("whole") == (path, [])  # what was made of it is intact
    code, output, errors = deblur("weights", "verify", "whole")
    assert (code, output) == (5, f"whole: damaged, {damaged}\n")
    assert errors == "deblur: whole: damaged, run `deblur weights pull --force whole`\n"
    line = failure(deblur("weights", "pull", "first", "--offline"), 5)
    assert line == (f"{damaged}: damaged, its SHA-256 is wrong; run `deblur weights pull --force first` when online")
    hub.requests.clear()
    lines = pull("first")[1]
    assert lines[0] == f"{damaged}: damaged, its SHA-256 is wrong; it is replaced"
    assert lines[1].startswith(f"first: downloading {name} (")
    assert "first: converting variables.index, once" in lines
    assert len(hub.downloads()) == 1
    assert damaged.read_bytes() == content


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.thorough), signal.SIGKILL])
def test_interrupted_while_it_is_converted(hub, begin, pull, deblur, tmp_path, number):
    process = begin("weights", "pull", "whole")
    while not list((tmp_path / "home").glob("assets/**/*.lock")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    code, _, errors = finish(process)
    assert number == signal.SIGKILL or (code == 130 and errors.endswith("deblur: interrupted\n"))
    assert not kept(tmp_path)
    assert "deblur weights pull whole" in failure(deblur("weights", "path", "whole"), 4)
    hub.connections = 0
    pull("whole")
    assert hub.connections == 0  # the download is here


def test_what_killed_conversions_left_goes(pull, deblur, tmp_path):
    path, _ = pull("whole")
    path.with_suffix(".json").unlink()  # killed between the two files
    leftover = path.with_name(".deblur-0123456789ab")  # killed while it was written
    leftover.write_bytes(b"half")
    assert "is not on this machine" in failure(deblur("weights", "path", "whole"), 4)
    pull("whole")
    assert sorted(kept(tmp_path)) == [path.with_suffix(".json"), path]


def test_a_disk_that_fills_up_while_it_is_converted(pull, deblur, tmp_path):
    path, _ = pull("whole")
    deblur("weights", "remove", "whole")
    assert not kept(tmp_path)
    pull("first")
    (note, checkpoint) = sorted(kept(tmp_path))
    line = failure(deblur("weights", "pull", "whole", "--offline", limit=checkpoint.stat().st_size), 1)
    assert line.startswith(f"{path}: cannot write (File too large)")
    assert sorted(kept(tmp_path)) == [note, checkpoint]


def test_two_at_once_convert_once(hub, begin):
    done = [finish(process) for process in [begin("weights", "pull", "whole"), begin("weights", "pull", "whole")]]
    assert [code for code, _, _ in done] == [0, 0]
    assert sum(errors.count("converting") for _, _, errors in done) == 1
    assert len(hub.downloads()) == 2


def test_remove(hub, pull, deblur, tmp_path):
    path, _ = pull("whole")
    first, _ = pull("first")
    size = first.stat().st_size / 1e6
    assert deblur("weights", "remove", "first") == (
        0,
        "",
        f"first: removed, {size:.1f} MB; the download stays for whole\n",
    )
    assert path.is_file()
    line = failure(deblur("weights", "remove", "first"), 2)
    assert line == "first: has no file of its own here, only the download of whole; remove that model"
    size = (path.stat().st_size + sum(blob.stat().st_size for blob in blobs(tmp_path))) / 1e6
    assert deblur("weights", "remove", "whole") == (0, "", f"whole: removed, {size:.1f} MB\n")
    assert not kept(tmp_path)
    assert not blobs(tmp_path)
    assert "is not on this machine" in failure(deblur("weights", "remove", "whole"), 4)


def test_no_network_at_all(deblur, tmp_path):
    line = failure(deblur("weights", "pull", "first", HF_ENDPOINT="http://127.0.0.1:9"), 4)
    assert line.startswith(f"http://127.0.0.1:9: {REPO} cannot be had (")
    assert line.endswith(f"or {ELSEWHERE}")
    assert not kept(tmp_path)


def test_any_checkpoint_of_the_hub(hub, files, pull, deblur):
    name, commit = f"hf:{REPO}/{INDEX}", hub.repos["models", REPO].main
    path, lines = pull(name)
    assert lines[0].endswith(f"commit {commit}, checked by the SHA-256 that the Hub lists")
    assert lines[1] == f"{name}: converting variables.index, once"
    assert pull("whole") == (path, [])  # the same files
    assert pull(name)[1] == [f"{name}: commit {commit} is the current one; add @{commit} to stay with it"]
    hub.connections = 0
    assert pull(f"{name}@{commit}") == (path, [])
    assert pull(name, "--offline") == (
        path,
        [f"{name}: offline, taking commit {commit}, the last one that was fetched"],
    )
    assert hub.connections == 0
    assert deblur("weights", "verify", name)[0] == 0
    assert deblur("weights", "remove", f"{name}@{commit}")[0] == 0
    assert deblur("weights", "path", name)[0] == 4

    newer = hub.add("models", REPO, {INDEX: files[INDEX]})
    line = failure(deblur("weights", "pull", name), 4)
    assert line == f"{name}: not all of its .data files are beside it at commit {newer}"
    assert "the .index of a TensorFlow checkpoint" in failure(deblur("weights", "pull", f"hf:{REPO}/{DATA}"), 2)


def test_a_checkpoint_of_another_network(hub, deblur, tmp_path):
    writer.write_bundle(tmp_path / "other", {"w": np.ones((3, 3, 3, 8), np.float32)})
    content = {f"other{suffix}": (tmp_path / f"other{suffix}").read_bytes() for suffix in (".index", DATA[-20:])}
    hub.add("models", "org/other", content)
    line = failure(deblur("weights", "pull", "hf:org/other/other.index"), 5)
    assert "other" in line
    assert "use the authors' released" in line
    assert not kept(tmp_path)
