"""Downloading a test set with the real client from a Hub on this machine. In processes of their own, because the
client reads its environment when it is imported."""

import io
import json
import signal
import subprocess
import sys
import zipfile

import pytest
from hub_server import HubServer
from PIL import Image

PROGRAM = """
import json, os, resource, sys
from deblurcli.bench.data.datasets import find_dataset
from deblurcli.bench.data.download import download, downloaded, plan_download
from deblurcli.errors import DeblurError

def progress(done, total):
    if "SIGNAL" in os.environ and done == total - 1:
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))

if "LARGEST_FILE" in os.environ:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ["LARGEST_FILE"]),) * 2)
try:
    told = {}
    found = downloaded(sys.argv[1])
    if found is None:
        plan = plan_download(sys.argv[1])
        told = {"size": plan.size, "to_download": plan.to_download, "licence": plan.licence}
        found = download(plan, progress)
    names = [pair.name for pair in find_dataset(sys.argv[1], found.folder).pairs]
    print(json.dumps(told | {"folder": str(found.folder), "commit": found.commit, "repo": found.repo, "names": names}))
except DeblurError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
REPO = "snah/GOPRO_Large"
SCENES = ("GOPR0384_11_00", "GOPR0410_11_00")
NAMES = [f"{scene}/{number:06}" for scene in SCENES for number in range(1, 4)]


def archive(*others, top=""):
    """A ZIP with the folders of GoPro and small pictures, and members of other names."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    names = [
        f"{top}{part}/{scene}/{kind}/{number:06}.png"
        for part in ("train", "test")
        for scene in SCENES
        for kind in ("blur", "blur_gamma", "sharp")
        for number in range(1, 4)
    ]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in [*names, *others]:
            file.writestr(name, picture.getvalue())
    return data.getvalue()


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add("datasets", REPO, {"GOPRO_Large.zip": archive(), "GOPRO_Large_all.zip": b"raw video"}, "cc-by-4.0")
        yield server


@pytest.fixture
def run(hub, tmp_path):
    """run(name, VARIABLE=value) -> what the program prints, or the process if it fails."""

    def run(name="gopro", fails=None, **environment):
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM, name],
            env=hub.environment(tmp_path / "home") | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if fails is None:
            assert process.returncode == 0, process.stderr
            return json.loads(process.stdout)
        assert process.returncode == fails, process.stderr
        assert fails < 0 or "Traceback" not in process.stderr
        return process.stderr.rstrip("\n").rpartition("\n")[2]

    return run


def extracted(tmp_path):
    return sorted(path.relative_to(tmp_path).parts[5:] for path in (tmp_path / "home/assets").rglob("*.png"))


def test_the_test_part_is_extracted_and_the_commit_told(hub, run, tmp_path):
    told = run()
    assert told["names"] == NAMES
    assert told["commit"] == hub.repos["datasets", REPO].main
    assert (told["repo"], told["licence"]) == (REPO, "cc-by-4.0")
    size = len(hub.repos["datasets", REPO].commits[told["commit"]]["GOPRO_Large.zip"])
    assert (told["size"], told["to_download"]) == (size, size)
    kept = list((tmp_path / "home/assets").rglob("*.png"))
    assert len(kept) == 12
    assert {path.parts[-4] for path in kept} == {"test"}
    assert {path.parts[-2] for path in kept} == {"blur", "sharp"}


def test_the_second_time_nothing_is_asked(hub, run):
    first = run()
    hub.requests.clear()
    assert run()["folder"] == first["folder"]
    assert not hub.requests
    hub.requests.clear()
    assert run(HF_HUB_OFFLINE="1")["names"] == NAMES
    assert not hub.requests


def test_an_archive_in_an_own_folder(hub, run):
    hub.add("datasets", REPO, {"GOPRO_Large.zip": archive(top="GOPRO_Large/")})
    told = run()
    assert told["names"] == NAMES
    assert told["licence"] is None


def test_reds_is_two_archives(hub, run):
    files = {}
    for kind in ("blur", "sharp"):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as file:
            file.writestr(f"val/val_{kind}/000/00000009.png", b"picture")
        files[f"val_{kind}.zip"] = data.getvalue()
    hub.add("datasets", "snah/REDS", files)
    assert run("reds")["names"] == ["000/00000009"]


def test_offline(hub, run):
    line = run(fails=3, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in line
    assert not hub.requests


def test_no_network(hub, run):
    line = run(fails=3, HF_ENDPOINT="http://127.0.0.1:9")
    assert line.startswith(f"http://127.0.0.1:9: {REPO} cannot be had (")
    assert "--data" in line


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "RepoNotFound", "needs a login"),
        (403, "GatedRepo", "ask for access"),
        (403, None, "closed to you"),
        (404, "RevisionNotFound", "is not there"),
        (404, None, "HF_ENDPOINT"),
        (429, None, "too often"),
        (500, None, "the server has an error (500)"),
    ],
)
def test_refusals_when_asked_what_there_is(hub, run, status, code, words):
    hub.fail("/api/datasets/", status=status, code=code)
    line = run(fails=3)
    assert line.startswith(f"{hub.url}: {REPO} ")
    assert words in line
    assert not hub.downloads()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "RepoNotFound", "needs a login"),
        (403, "GatedRepo", "ask for access"),
        (404, "EntryNotFound", "is not there"),
        (501, None, "the server has an error (501)"),  # the client asks again for half a minute after 500 and 503
    ],
)
def test_refusals_of_the_file(hub, run, tmp_path, status, code, words):
    hub.fail("/resolve/", status=status, code=code)
    assert words in run(fails=3)
    assert not extracted(tmp_path)
    hub.heal()
    assert run()["names"] == NAMES


def test_not_a_hub(hub, run):
    hub.fail("/api/datasets/", body=b"<html>Log in to the hotel's network</html>")
    assert "cannot be had" in run(fails=3)


def test_another_listing_than_expected(hub, run):
    hub.add("datasets", REPO, {"GoPro.7z": b"", "readme.md": b""})
    assert "has no GOPRO_Large.zip, but GoPro.7z, readme.md" in run(fails=3)


def test_a_connection_cut_once_does_no_harm(hub, run):
    hub.fail("/resolve/", methods=("GET",), cut=1000, times=1)
    assert run()["names"] == NAMES


def test_a_connection_cut_always(hub, run, tmp_path):
    hub.fail("/resolve/", methods=("GET",), cut=0)
    assert "cannot be had" in run(fails=3)
    assert not extracted(tmp_path)
    hub.heal()
    assert run()["names"] == NAMES


def test_wrong_size(hub, run, tmp_path):
    hub.fail("/resolve/", methods=("GET",), body=archive()[:-1000])
    assert "cannot be had" in run(fails=3)
    assert not extracted(tmp_path)


def test_a_damaged_body_of_the_right_size(hub, run):
    whole = archive()
    damaged = whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:]
    hub.fail("/resolve/", methods=("GET",), body=damaged, times=1)
    assert run()["names"] == NAMES
    assert len(hub.downloads()) == 2


def test_a_body_that_stays_damaged(hub, run, tmp_path):
    whole = archive()
    hub.fail("/resolve/", methods=("GET",), body=whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    assert "GOPRO_Large.zip of snah/GOPRO_Large: arrived damaged twice" in run(fails=3)
    assert not extracted(tmp_path)
    assert not [path for path in (tmp_path / "home/hub").rglob("*") if path.is_file() and path.stat().st_size > 2000]


def test_no_room(hub, run):
    hub.repos["datasets", REPO].sizes["GOPRO_Large.zip"] = 10**15
    line = run(fails=1)
    assert "needs 1300000.0 GB" in line
    assert "HF_HOME" in line
    assert not hub.downloads()


def test_a_disk_that_fills_up_while_extracting(hub, run, tmp_path):
    large = io.BytesIO()
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("test/scene/sharp/000001.png", b"small")
        file.writestr("test/scene/blur/000001.png", bytes(3_000_000))  # few bytes in the archive
    hub.add("datasets", REPO, {"GOPRO_Large.zip": large.getvalue()})
    assert "cannot extract the data set there" in run(fails=1, LARGEST_FILE="1000000")
    assert not list((tmp_path / "home/assets").rglob("*.png"))
    assert run()["names"] == ["scene/000001"]


@pytest.mark.parametrize("name", ["../evil.png", "test/../../../evil.png", "/tmp/evil.png", "..\\evil.png"])
def test_a_member_that_points_outside(hub, run, tmp_path, name):
    hub.add("datasets", REPO, {"GOPRO_Large.zip": archive(name)})
    line = run(fails=3)
    assert "points outside the archive" in line
    assert not list(tmp_path.rglob("*.png"))


def test_no_archive_and_an_empty_one(hub, run):
    hub.add("datasets", REPO, {"GOPRO_Large.zip": b"this is no archive"})
    assert "is no ZIP archive" in run(fails=3)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    hub.add("datasets", REPO, {"GOPRO_Large.zip": empty.getvalue()})
    assert "no test images" in run(fails=3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_extraction_is_done_again(hub, run, tmp_path, number):
    run(fails=-number, SIGNAL=str(int(number)))
    left = {path.parts[-5] for path in (tmp_path / "home/assets").rglob("*.png")}
    assert left == ({".extracting"} if number == signal.SIGKILL else set())
    hub.requests.clear()
    told = run()
    assert told["names"] == NAMES
    assert told["to_download"] == 0
    assert not hub.downloads()
    assert {path.parts[-5] for path in (tmp_path / "home/assets").rglob("*.png")} == {told["commit"]}


@pytest.mark.parametrize(
    ("name", "page"), [("hide", "HA_deblur"), ("realblur-r", "RealBlur"), ("kohler", "camerashake")]
)
def test_sets_that_are_not_on_the_hub(hub, run, name, page):
    line = run(name, fails=2)
    assert page in line
    assert "--data" in line
    assert not hub.requests
