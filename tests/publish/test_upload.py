"""Publishing a model by the real client to a Hub on this machine. In processes of their own, because the client reads
its environment when it is imported."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hub_uploads import READER, WRITER, UploadHub
from typer.testing import CliRunner

from deblurcli.cli.publish import publish as publish_command

REPO = "lab/small"

UPLOADS = """
import json, sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
from pathlib import Path
from deblurcli.errors import DeblurError
from deblurcli.publish.upload import publish
for line in sys.stdin:
    wanted = json.loads(line)
    try:
        answer = {"url": publish(Path(wanted.pop("folder")), **wanted)}
    except DeblurError as error:
        answer = {"error": str(error), "code": int(error.exit_code)}
    print(json.dumps(answer | {"connected": bool(seen)}), flush=True)
    seen.clear()
"""
COMMAND = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
import typer
from deblurcli.cli.publish import publish
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(publish)
app([sys.argv[1], "--dry-run", "look"], standalone_mode=False)
print("connected" if seen else "asked nothing")
app([sys.argv[1], "--repo", sys.argv[2]])
"""


class Uploader:
    """A process that publishes what it is told to, line by line."""

    def __init__(self, hub: UploadHub, home: Path, **environment: str) -> None:
        self.log = (home / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", UPLOADS],
            env=hub.environment(home) | {"HF_HUB_DISABLE_XET": "1"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def __call__(self, folder, repo=REPO, **wanted):
        self.process.stdin.write(json.dumps({"folder": str(folder), "repo": repo} | wanted) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, (self.log.seek(0), self.log.read())
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()


@pytest.fixture(scope="module")
def server():
    with UploadHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def uploader(server, tmp_path_factory):
    uploader = Uploader(server, tmp_path_factory.mktemp("home"))
    yield uploader
    uploader.close()


@pytest.fixture
def hub(server):
    """The same one for all tests, without repositories."""
    server.heal()
    server.published.clear()
    server.objects.clear()
    server.xet.clear()
    server.requests.clear()
    return server


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_upload(hub, uploader, folder):
    first = uploader(folder, token=WRITER)
    repo = hub.published[REPO]
    assert [commit.files for commit in repo.commits] == [contents(folder)]
    assert first["url"] == f"{hub.url}/{REPO}/commit/{repo.commits[0].oid}"
    assert repo.commits[0].summary == "small, version 1"
    assert not repo.private
    weights = (folder / "model.safetensors").read_bytes()
    assert hub.objects == {hashlib.sha256(weights).hexdigest(): weights}  # not among the text files of the commit

    assert uploader(folder, token=WRITER)["url"] == first["url"]  # nothing new
    assert len(repo.commits) == 1
    (folder / "README.md").write_text((folder / "README.md").read_text() + "More.\n")
    (folder / ".notes").write_text("mine")
    assert uploader(folder, token=WRITER)["url"] != first["url"]
    assert len(repo.commits) == 2
    assert repo.commits[1].files["README.md"].endswith(b"More.\n")
    assert ".notes" not in repo.commits[1].files


def test_private(hub, uploader, folder):
    assert "url" in uploader(folder, token=WRITER, private=True)
    assert hub.published[REPO].private
    assert "url" in uploader(folder, "lab/open", token=WRITER)
    (folder / "README.md").write_text("---\ntags: [x]\n---\nsecret\n")
    refused = uploader(folder, "lab/open", token=WRITER, private=True)
    assert refused["code"] == 2
    assert "exists and is public" in refused["error"]
    assert len(hub.published["lab/open"].commits) == 1


def test_tokens(hub, uploader, folder):
    answer = uploader(folder)
    assert (answer["code"], hub.requests) == (1, [])
    assert "run `hf auth login` or set HF_TOKEN" in answer["error"]
    answer = uploader(folder, token="hf_wrong")
    assert answer["code"] == 1
    assert "does not accept your token; run `hf auth login`" in answer["error"]
    answer = uploader(folder, token=READER)
    assert "may not write there" in answer["error"]
    assert not hub.published
    uploader(folder, token=WRITER)
    (folder / "README.md").write_text("---\ntags: [x]\n---\n")
    assert "may not write there" in uploader(folder, token=READER)["error"]  # the repository is there, to be read
    assert len(hub.published[REPO].commits) == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/repos/create", 429, "too often"),
        ("/api/repos/create", 500, "the server has an error (500)"),
        ("/preupload/", 403, "may not write there"),
        ("/preupload/", 404, "no such repository"),
        ("/lfs/objects/batch", 403, "may not write there"),
        ("/lfs/", 413, "too large"),
        ("/commit/", 401, "does not accept your token"),
        ("/commit/", 412, "changed it meanwhile"),
        ("/commit/", 418, "the Hub refuses"),
        ("/commit/", 503, "the server has an error (503)"),
    ],
)
def test_refusals(hub, uploader, folder, path, status, words):
    hub.fail(path, methods=("POST", "PUT"), status=status)
    answer = uploader(folder, token=WRITER)
    assert answer["code"] == 1
    assert answer["error"].startswith(f"{hub.url}: {REPO} not uploaded: ")
    assert words in answer["error"]
    assert "\n" not in answer["error"]
    assert not any(repo.commits for repo in hub.published.values())
    hub.heal()
    assert "url" in uploader(folder, token=WRITER)


@pytest.mark.parametrize("path", ["/api/repos/create", "/commit/"])
def test_a_connection_that_breaks(hub, uploader, folder, path):
    hub.fail(path, methods=("POST",), cut=0)
    answer = uploader(folder, token=WRITER)
    assert answer["code"] == 1
    assert answer["error"].startswith(f"{hub.url}: {REPO} not uploaded: ")
    assert answer["error"].endswith("; check the network and try again")
    hub.heal()
    assert "url" in uploader(folder, token=WRITER)


def test_a_card_that_the_hub_refuses(hub, uploader, folder):
    (folder / "README.md").write_text("---\nlicense: other\ntags: x\n---\n")
    answer = uploader(folder, token=WRITER)
    assert '"tags" must be an array - "license_name" is required' in answer["error"]
    assert not hub.published[REPO].commits


def test_nothing_is_sent_of_damaged_weights_or_under_an_impossible_name(hub, uploader, folder):
    for name in ("small", "lab/small/more", "lab/ small", "lab/..small--", ""):
        answer = uploader(folder, name, token=WRITER)
        assert answer["code"] == 2, name
        assert "not the name of a repository" in answer["error"]
    content = bytearray((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors").write_bytes(content[:-10])
    assert uploader(folder, token=WRITER)["code"] == 5
    (folder / "model.safetensors").unlink()
    assert uploader(folder, token=WRITER)["code"] == 4
    assert not hub.requests


def test_offline(hub, tmp_path, folder):
    uploader = Uploader(hub, tmp_path, HF_HUB_OFFLINE="1", HF_TOKEN=WRITER)
    answer = uploader(folder)
    uploader.close()
    assert (answer["code"], answer["connected"]) == (1, False)
    assert "HF_HUB_OFFLINE is set; unset it" in answer["error"]
    assert not hub.requests


def test_command(hub, tmp_path, small):
    """A dry run, which asks nothing of the network, and then the upload. This one takes Xet for the weights, as the
    client does by default: it cuts files into chunks and packs those."""
    checkpoint = small()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(checkpoint), REPO],
        env=hub.environment(tmp_path / "home") | {"HF_TOKEN": WRITER},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [commit] = hub.published[REPO].commits
    assert done.stdout.splitlines() == ["look", "asked nothing", f"{hub.url}/{REPO}/commit/{commit.oid}"]
    assert commit.files == contents(tmp_path / "look")
    assert b"".join(hub.xet) == checkpoint.read_bytes()
    assert not hub.objects
    assert done.stderr.splitlines()[0].startswith("deblur: there is no model card")
    assert "%" not in done.stderr  # no bars in a file


def test_command_refusals(tmp_path, small):
    app = typer.Typer()
    app.command()(publish_command)
    checkpoint = small()
    os.truncate(checkpoint, checkpoint.stat().st_size - 10)
    for arguments, code, words in (
        ([str(checkpoint), "--dry-run", str(tmp_path / "out")], 5, "damaged"),
        ([str(checkpoint)], 2, "--repo: say where to"),
        (["no-such-model", "--repo", REPO], 4, "no such model"),
        (["nafnet-gopro-32", "--repo", REPO], 2, "is on the Hub already"),
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code
        assert words in result.stderr
    assert not (tmp_path / "out").exists()
