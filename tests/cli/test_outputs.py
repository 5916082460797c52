"""Where results go: names that tell no format, one name for several, devices, and what no format or disk can hold."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from deblurcli.restore.deblurrer import Deblurrer


@pytest.fixture
def no_work(monkeypatch):
    """Whoever loads a model has begun the work."""

    def load(model):
        raise AssertionError("this could have been told before")

    monkeypatch.setattr("deblurcli.jobs.model.Model.load", load)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".deblur"))


def test_a_name_that_tells_no_format(here, photo, tmp_path):
    for name in ("photo.jpg_original", "IMG_1234", "view.mpo", "old.jpg~"):
        photo("a.jpg").rename(tmp_path / name)
    photo("b.png").rename(tmp_path / "drawing")
    assert here("photo.jpg_original", "IMG_1234", "view.mpo", "old.jpg~", "drawing", "--strength", "0")[0] == 0
    results = {path.name: Image.open(path).format for path in tmp_path.glob("*-deblurred*")}
    assert results == {
        "photo-deblurred.jpg": "JPEG",
        "IMG_1234-deblurred.jpg": "JPEG",
        "view-deblurred.jpg": "JPEG",
        "old-deblurred.jpg": "JPEG",
        "drawing-deblurred.png": "PNG",
    }


@pytest.mark.parametrize("inputs", [["a.png", "b.png"], ["in"]])
@pytest.mark.parametrize("command", [[], ["batch"]], ids=["deblur", "batch"])
def test_one_name_for_several_results(deblur, photo, tmp_path, inputs, command):
    photo("a.png"), photo("b.png"), photo("in/c.png")
    refused = deblur(*command, *inputs, "-o", "two.jpg")
    assert refused.returncode == 2
    assert "two.jpg: is a photo's name, but these inputs need a folder" in refused.stderr
    assert not (tmp_path / "two.jpg").exists()


def test_a_folder_with_a_photos_name_that_is_there_already(here, photo, tmp_path):
    photo("a.png"), photo("b.png")
    (tmp_path / "two.jpg").mkdir()
    assert here("a.png", "b.png", "-o", "two.jpg", "--strength", "0")[0] == 0
    assert names(tmp_path / "two.jpg") == ["a.png", "b.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such devices")
def test_devices(here, photo, tmp_path, no_work):
    photo("a.png"), photo("b.png")
    for arguments in (("a.png", "b.png"), ("a.png", "--json"), ("a.png", "--compare")):
        code, _, errors = here(*arguments, "-o", "/dev/null")
        assert code == 2
        assert "a pipe or a device takes one photo" in errors
    code, _, errors = here("/dev/null")
    assert code == 2
    assert "give --output FILE" in errors
    assert names(tmp_path) == ["a.png", "b.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such devices")
def test_the_device_that_takes_everything(here, photo):
    photo("a.png")
    assert here("a.png", "-o", "/dev/null")[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such permissions")
def test_an_unreadable_file_among_good_ones(photo, tmp_path, small_model):
    for name in ("a.png", "secret.png", "b.png"):
        photo(name)
    (tmp_path / "secret.png").chmod(0)
    bound = []
    if os.geteuid() == 0:  # permissions hold root back only without these rights
        bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        if shutil.which("setpriv") is None or subprocess.run([*bound, "true"], check=False).returncode:
            pytest.skip("root cannot give up its rights here")

    def run(*arguments):
        command = [*bound, sys.executable, "-m", "deblurcli", *arguments, "--model", str(small_model)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("a.png", "secret.png", "b.png", "-o", "out")
    assert done.returncode == 1, done.stderr
    assert "secret.png: no permission to read it" in done.stderr
    assert names(tmp_path / "out") == ["a.png", "b.png"]
    alone = run("secret.png", "-o", "c.png")
    assert alone.returncode == 3
    assert alone.stderr.strip() == "deblur: secret.png: no permission to read it; check the file's owner and mode"


def test_a_link_that_leads_back_to_itself(here, photo, tmp_path, no_work):
    photo("a.png"), photo("in/b.png")
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "round").symlink_to("round")
    for arguments in (("a.png", "-o", "circle.png"), ("in", "-o", "round"), ("a.png", "-o", "round")):
        code, _, errors = here(*arguments)
        assert code == 2
        assert "a link that leads back to itself" in errors
        assert errors.count("\n") == 1


@pytest.mark.parametrize(("target", "size"), [("w.jpg", (65501, 2)), ("w.webp", (16384, 3)), ("w.avif", (1, 65537))])
def test_what_a_format_cannot_hold_is_told_before_the_work(here, photo, tmp_path, no_work, target, size):
    Image.new("L", size).save(tmp_path / "wide.png")
    for arguments in (["-o", target], ["-o", "-", "--format", target[2:].replace("jpg", "jpeg")]):
        code, out, errors = here("wide.png", *arguments)
        assert code == 1
        assert out == ""
        assert "pixels is more than" in errors
        assert errors.count("\n") == 1
    assert names(tmp_path) == ["wide.png"]


def test_what_a_format_cannot_hold_in_a_folder(here, photo, tmp_path, monkeypatch):
    photo("in/a.png")
    Image.new("L", (65501, 2)).save(tmp_path / "in" / "wide.png")
    seen = []
    real = Deblurrer.restore_alike

    def restore_alike(self, images, *arguments):
        seen.extend(image.shape[:2] for image in images)
        return real(self, images, *arguments)

    monkeypatch.setattr(Deblurrer, "restore_alike", restore_alike)
    code, _, errors = here("in", "-o", "out", "--format", "jpeg")
    assert code == 1
    assert "out/wide.jpg: 65501 x 2 pixels is more than JPEG can hold" in errors
    assert seen == [(50, 70)]


@pytest.mark.parametrize(
    ("size", "compared"),
    [((32748, 3), (65500, 3)), ((32749, 3), (32749, 10)), ((65500, 2), (65500, 8)), ((65501, 2), None)],
)
def test_the_before_after_picture_of_a_panorama(here, tmp_path, size, compared):
    Image.fromarray(np.full((size[1], size[0]), 90, np.uint8)).save(tmp_path / "wide.png")
    code, _, errors = here("wide.png", "-o", "w.png", "--compare", "--strength", "0")
    assert code == 0
    assert Image.open(tmp_path / "w.png").size == size
    if compared:
        assert Image.open(tmp_path / "w-compare.jpg").size == compared
    else:
        assert "no before/after picture: it would be larger than JPEG can hold" in errors
        assert names(tmp_path) == ["w.png", "wide.png"]


def test_a_full_disk_leaves_neither_result_nor_comparison(here, photo, tmp_path):
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    out = tmp_path / "out"
    out.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80k", "tmpfs", out], check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        code, _, errors = here("a.png", "-o", "out/b.png", "--compare")
        assert code == 1
        assert "the disk is full" in errors
        assert names(out) == []
        subprocess.run(["mount", "-o", "remount,size=4m", out], check=True)
        assert here("a.png", "-o", "out/b.png", "--compare")[0] == 0
        assert names(out) == ["b-compare.jpg", "b.png"]
    finally:
        subprocess.run(["umount", out], check=True)
