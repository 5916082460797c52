"""Models from the Hugging Face Hub: the real command and the real client, in processes of their own, against a Hub on
this machine. The files are no weights, because nothing here looks into them."""

import json
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hub_server import HubServer
from other_catalog import add_model, failure, finish, make_program
from PIL import Image

REPO = "org/some-models"
CONTENT, OTHER = (random.Random(seed).randbytes(300_000) for seed in (1, 2))
DAMAGED = CONTENT[:2000] + bytes([CONTENT[2000] ^ 1]) + CONTENT[2001:]


@pytest.fixture
def hub(tmp_path):
    """A Hub with the models "far" and "far-too"; "near" is shipped."""
    with HubServer() as server:
        commit = server.add("models", REPO, {"far.pth": CONTENT, "sub/too.safetensors": OTHER}, "mit")
        make_program(tmp_path / "site")
        add_model(tmp_path / "site", "near", "near.safetensors", b"near")
        place = {"repo": REPO, "commit": commit}
        add_model(tmp_path / "site", "far", "far.pth", CONTENT, licence="none stated; upstream MIT", **place)
        add_model(tmp_path / "site", "far-too", "sub/too.safetensors", OTHER, **place)
        add_model(tmp_path / "site", "huge", "huge.pth", b"", **place, bytes=10**15)
        yield server


@pytest.fixture
def begin(hub, tmp_path):
    """begin(ARGUMENT..., VARIABLE=value) -> a running `deblur ARGUMENT...`."""

    def begin(*arguments, limit=None, **environment):
        variables = {**hub.environment(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "site"), **environment}
        return subprocess.Popen(
            [sys.executable, "-m", "deblurcli", *map(str, arguments)],
            env={name: value for name, value in variables.items() if value is not None},
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


def asked(hub):
    """What was asked for the models' sake; the client itself asks for a list of AI agents, once a day."""
    return [request for request in hub.requests if request[1] != "/api/agent-harnesses"]


def blobs(tmp_path):
    return [path for path in (tmp_path / "home/hub").glob("models--*/blobs/*") if path.stat().st_size]


def damage_cache(tmp_path):
    (blob,) = blobs(tmp_path)
    blob.write_bytes(DAMAGED)


def test_pull_tells_what_it_downloads_and_does_it_once(hub, deblur, tmp_path):
    code, output, errors = deblur("weights", "pull", "far", "--json")
    assert code == 0, errors
    commit = hub.repos["models", REPO].main
    assert errors == (
        f"far: downloading far.pth (0.3 MB, licence: none stated; upstream MIT) from {REPO} at {hub.url}, "
        f"commit {commit}\n"
    )
    path = json.loads(output)["path"]
    assert Path(path).read_bytes() == CONTENT
    place = f"/{REPO}/resolve/{commit}/far.pth"
    assert asked(hub) == [("HEAD", place), ("HEAD", place), ("GET", place)]
    hub.requests.clear()
    assert deblur("weights", "pull", "far", "near")[0] == 0
    assert deblur("weights", "path", "far") == (0, path + "\n", "")
    assert not hub.requests
    assert deblur("weights", "pull", "--force", "far")[0] == 0
    assert len(hub.downloads()) == 1


def test_offline_there_is_no_connection(hub, deblur, tmp_path):
    nobody = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    everybody = dict.fromkeys(nobody, hub.url)
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    for proxies in ({}, everybody):
        for command in (("weights", "pull", "far"), ("photo.png", "--model", "far")):
            line = failure(deblur(*command, "--offline", **proxies), 4)
            assert line.startswith("far: is not here, and requests are forbidden (--offline or HF_HUB_OFFLINE); run ")
    assert "forbidden" in failure(deblur("weights", "pull", f"hf:{REPO}/far.pth", HF_HUB_OFFLINE="1", **everybody), 4)
    assert hub.connections == 0
    assert deblur("weights", "pull", "far")[0] == 0
    hub.connections = 0
    for command in (("pull", "--offline", "far"), ("pull", "far"), ("list",), ("info", "far"), ("verify",)):  # type: ignore[assignment]
        assert deblur("weights", *command, **everybody)[0] == 0
    for name in (f"hf:{REPO}/far.pth", f"hf:{REPO}/far.pth@{hub.repos['models', REPO].main}"):
        code, _, errors = deblur("weights", "pull", name, HF_HUB_OFFLINE="1", **nobody)
        assert code == 0, errors
    assert hub.connections == 0


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "RepoNotFound", "HF_TOKEN"),
        (403, "GatedRepo", "ask for access on its page"),
        (404, "EntryNotFound", "is not there"),
        (429, None, "too often"),
        (503, None, "the server has an error (503); try again later"),
    ],
)
def test_refusals(hub, deblur, tmp_path, status, code, words):
    hub.fail("/resolve/", status=status, code=code)
    line = failure(deblur("weights", "pull", "far"), 4)
    assert line.startswith(f"{hub.url}: {REPO} ")
    assert words in line
    assert line.endswith("or use a model that is here (deblur weights list)")
    assert not blobs(tmp_path)


def test_refusal_in_the_middle_and_no_network(hub, deblur, tmp_path):
    hub.fail("/resolve/", methods=("GET",), status=500)
    assert "(500)" in failure(deblur("weights", "pull", "far"), 4)
    line = failure(deblur("weights", "pull", "far", HF_ENDPOINT="http://127.0.0.1:9"), 4)
    assert line.startswith(f"http://127.0.0.1:9: {REPO} cannot be had (")
    assert "check the network" in line
    assert not blobs(tmp_path)


def test_a_damaged_body_of_the_right_size_is_fetched_again(hub, deblur):
    hub.fail("/resolve/", methods=("GET",), body=DAMAGED, times=1)
    assert deblur("weights", "pull", "far")[0] == 0
    assert len(hub.downloads()) == 2
    assert "far: intact" in deblur("weights", "verify")[1]


@pytest.mark.parametrize("body", [DAMAGED, CONTENT[:-1]])
def test_a_body_that_stays_damaged(hub, deblur, tmp_path, body):
    hub.fail("/resolve/", body=body)
    line = failure(deblur("weights", "pull", "far"), 5)
    assert line.startswith(f"far.pth of {REPO}: arrived damaged twice from {hub.url}, its SHA-256 is wrong; ")
    assert not blobs(tmp_path)
    hub.heal()
    assert deblur("weights", "pull", "far")[0] == 0


def test_damage_in_the_cache_is_found_and_mended(hub, deblur, tmp_path):
    pinned = f"hf:{REPO}/far.pth@{hub.repos['models', REPO].main}"
    assert deblur("weights", "pull", "far")[0] == 0
    damage_cache(tmp_path)
    code, output, errors = deblur("weights", "verify")
    assert (code, [line.split(",")[0] for line in output.splitlines()]) == (5, ["near: intact", "far: damaged"])
    assert errors == "deblur: far: damaged, run `deblur weights pull --force far`\n"
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    for name in ("far", pinned):
        line = failure(deblur("photo.png", "--model", name, "--offline"), 5)
        assert line.endswith(f"its SHA-256 is wrong; run `deblur weights pull --force {name}` when online")
        code, _, errors = deblur("weights", "pull", name)
        assert code == 0, errors
        assert "damaged, its SHA-256 is wrong; it is replaced" in errors
        assert blobs(tmp_path)[0].read_bytes() == CONTENT
        damage_cache(tmp_path)
    assert deblur("weights", "pull", "--force", "far")[0] == 0
    assert blobs(tmp_path)[0].read_bytes() == CONTENT


def test_shipped_models_are_checked_too(hub, deblur, tmp_path):
    shipped = tmp_path / "site/deblurcli/weights/near.safetensors"
    shipped.write_bytes(b"neat")
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    for command in (("weights", "verify"), ("photo.png", "--model", "near")):
        line = failure(deblur(*command), 5)
        assert "damaged" in line
        assert line.endswith("install deblurcli again")
    shipped.unlink()
    assert "its file is missing; install deblurcli again" in failure(deblur("photo.png", "--model", "near"), 4)
    assert not hub.requests


def test_no_room(hub, deblur):
    line = failure(deblur("weights", "pull", "huge"), 1)
    assert "huge.pth needs 1000000.0 GB" in line
    assert "HF_HOME" in line
    assert not asked(hub)


def test_a_disk_that_fills_up(deblur, tmp_path):
    line = failure(deblur("weights", "pull", "far", limit=100_000), 1)
    assert "cannot be used (File too large); make room, or set HF_HOME" in line
    assert not blobs(tmp_path)
    assert deblur("weights", "pull", "far")[0] == 0


def test_a_cache_that_cannot_be_written(deblur, tmp_path):
    (tmp_path / "file").touch()
    line = failure(deblur("weights", "pull", "far", HF_HOME=tmp_path / "file"), 1)
    assert "cannot be used (Not a directory); " in line
    assert deblur("weights", "list", HF_HOME=tmp_path / "file")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_in_the_middle(hub, begin, deblur, tmp_path, number):
    content = bytes(11_000_000)  # the client writes in steps of 10 MiB
    commit = hub.add("models", REPO, {"long.pth": content})
    add_model(tmp_path / "site", "long", "long.pth", content, repo=REPO, commit=commit)
    release = threading.Event()
    hub.fail("/resolve/", methods=("GET",), cut=10_900_000, wait=release)
    process = begin("weights", "pull", "long")
    while not blobs(tmp_path) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    code, _, errors = finish(process)
    release.set()
    hub.heal()
    assert number == signal.SIGKILL or (code == 130 and errors.endswith("deblur: interrupted\n"))
    assert bool(blobs(tmp_path)) == (number == signal.SIGKILL)
    assert deblur("weights", "path", "long")[0] == 4
    assert deblur("weights", "pull", "long")[0] == 0
    deblur("weights", "remove", "long")
    assert not blobs(tmp_path)  # not even what the killed process left


def test_two_at_once_download_once(hub, begin):
    release = threading.Event()
    hub.fail("/resolve/", methods=("GET",), wait=release, times=1)
    first = begin("weights", "pull", "far")
    assert hub.waiting.wait(60)
    second = begin("weights", "pull", "far")
    with suppress(subprocess.TimeoutExpired):
        second.wait(1)  # time to get as far as it can; whether it does is not asserted
    release.set()
    assert (finish(first)[0], finish(second)[0]) == (0, 0)
    assert len(hub.downloads()) == 1


def test_a_private_repository_behind_a_redirect(hub, deblur):
    hub.repos["models", REPO].token = "secret"
    line = failure(deblur("weights", "pull", "far"), 4)
    assert "needs a login; run `hf auth login` or set HF_TOKEN" in line
    with HubServer() as storage:
        storage.repos = {("models", REPO): type(hub.repos["models", REPO])(hub.repos["models", REPO].commits)}
        hub.fail("/resolve/", redirect=storage.url)
        assert deblur("weights", "pull", "far", HF_TOKEN="secret")[0] == 0
        assert hub.tokens[-1] == "secret"
        assert storage.tokens == [None]
        assert storage.downloads()
        assert not hub.downloads()


def test_proxies(hub, deblur):
    line = failure(deblur("weights", "pull", "far", HF_ENDPOINT="https://hub.invalid", HTTPS_PROXY=hub.url), 4)
    assert line.startswith(f"https://hub.invalid: {REPO} cannot be had (")
    assert ("CONNECT", "hub.invalid:443") in hub.requests
    done = deblur("weights", "pull", "far", HF_ENDPOINT="http://hub.invalid", HTTP_PROXY=hub.url)
    assert done[0] == 0, done
    assert hub.hosts[-1] == "hub.invalid"


def test_slow_and_broken_servers(hub, begin, tmp_path):
    """All at once, because the client waits between its attempts."""
    never, quick = threading.Event(), {"HF_HUB_ETAG_TIMEOUT": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "1"}
    faults = {
        "no answer": ({"wait": never}, 4),
        "no more after a while": ({"methods": ("GET",), "cut": 100_000, "wait": never, "times": 1}, 0),
        "nothing of the file": ({"methods": ("GET",), "wait": never}, 4),
        "cut once": ({"methods": ("GET",), "cut": 100_000, "times": 1}, 0),
        "cut at once, always": ({"methods": ("GET",), "cut": 0}, 4),
    }
    processes = {}
    with ExitStack() as stack:
        for name, (fault, _) in faults.items():
            server = stack.enter_context(HubServer())
            server.repos = hub.repos
            server.fail("/resolve/", **fault)
            own = {"HF_ENDPOINT": server.url, "HF_HOME": tmp_path / name.replace(" ", "-")}
            processes[name] = begin("weights", "pull", "far", **quick, **own)
        for name, (_, code) in faults.items():
            done = finish(processes[name])
            assert done[0] == code, (name, done)
            if code:
                assert f"{REPO} cannot be had (" in failure(done, code), name
        never.set()


def test_remove(hub, deblur, tmp_path):
    deblur("weights", "pull", "far", "far-too")
    assert deblur("weights", "remove", "far") == (0, "", "far: removed, 0.3 MB\n")
    assert deblur("weights", "path", "far")[0] == 4
    assert [path.read_bytes() for path in blobs(tmp_path)] == [OTHER]
    assert "is not on this machine" in failure(deblur("weights", "remove", "far"), 4)
    assert "ships with deblurcli" in failure(deblur("weights", "remove", "near"), 2)
    assert deblur("weights", "verify", "near", "far-too")[0] == 0
    hub.add("models", REPO, {"sub/too.safetensors": OTHER, "more": b""})
    assert deblur("weights", "pull", f"hf:{REPO}/sub/too.safetensors")[0] == 0
    assert deblur("weights", "remove", "far-too")[0] == 0
    assert deblur("weights", "verify", f"hf:{REPO}/sub/too.safetensors")[0] == 0


def test_any_file_of_the_hub(hub, deblur, tmp_path):
    name, commit = f"hf:{REPO}/sub/too.safetensors", hub.repos["models", REPO].main
    code, _, errors = deblur("weights", "pull", name)
    assert code == 0
    assert errors.startswith(
        f"{name}: downloading sub/too.safetensors (0.3 MB, licence: mit) from {REPO} at {hub.url}, commit {commit}, "
        "checked by the SHA-256 that the Hub lists\n"
    )
    hub.requests.clear()
    assert f"commit {commit} is the current one; add @{commit} to stay with it" in deblur("weights", "pull", name)[2]
    assert asked(hub) == [("GET", f"/api/models/{REPO}")]
    hub.requests.clear()
    assert deblur("weights", "pull", f"{name}@{commit}")[0] == 0
    assert not hub.requests
    newer = hub.add("models", REPO, {"sub/too.safetensors": CONTENT, "git.pth": b"small"})
    hub.repos["models", REPO].git.add("git.pth")
    assert f"commit {newer}, checked" in deblur("weights", "pull", name)[2]
    assert f"taking commit {newer}" in deblur("weights", "pull", name, "--offline")[2]
    code, _, errors = deblur("weights", "pull", f"hf:{REPO}/git.pth")
    assert code == 0
    assert "licence: none stated" in errors
    assert ", checked by the SHA-1 that the Hub lists" in errors
    assert f"hf:{REPO}/git.pth: intact, " in deblur("weights", "verify", f"hf:{REPO}/git.pth")[1]


def test_names_that_do_not_exist(hub, deblur):
    line = failure(deblur("weights", "pull", "fra"), 4)
    assert line.startswith("fra: no such model or weights file; did you mean far")
    assert "known models: near, far, far-too, huge" in line
    line = failure(deblur("weights", "pull", f"hf:{REPO}/none.pth"), 4)
    assert line.endswith(f"{REPO} has far.pth, sub/too.safetensors")
    assert "is not there, or needs a login" in failure(deblur("weights", "pull", "hf:org/other/a.pth"), 4)
    hub.requests.clear()
    for name in (f"hf:{REPO}/../far.pth", f"hf:{REPO}/far.pth@main"):
        assert "must be hf:ORG/REPO/FILE" in failure(deblur("weights", "pull", name), 2)
    assert "no others are loaded" in failure(deblur("weights", "pull", f"hf:{REPO}/model.bin"), 2)
    assert not hub.requests
