from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from deblurcli.jobs.stores import scan
from deblurcli.jobs.stores.place import is_directory


def found_in(folder, recursive=True, leave_out=None):
    result = scan.scan(folder, recursive, leave_out or folder / "nothing")
    return [(str(found.path.relative_to(folder)), found.reason) for found in result]


def test_photos_come_in_order_and_all_else_has_a_reason(tmp_path):
    for name in ("b.jpg", "a/z.PNG", "a/b/c.heic", "c.tif", ".hidden.jpg", ".git/d.jpg", "notes.txt", "no suffix"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "raw.CR2").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.jpg").touch()
    assert found_in(tmp_path, leave_out=(tmp_path / "out").resolve()) == [
        (".git", scan.HIDDEN),
        (".hidden.jpg", scan.HIDDEN),
        ("a/b/c.heic", None),
        ("a/z.PNG", None),
        ("b.jpg", None),
        ("c.tif", None),
        ("no suffix", scan.NOT_A_PHOTO),
        ("notes.txt", scan.NOT_A_PHOTO),
        ("out", scan.OUTPUT_FOLDER),
        ("raw.CR2", scan.RAW),
    ]
    flat = dict(found_in(tmp_path, recursive=False))
    assert flat["a"] == scan.NOT_SEARCHED and flat["b.jpg"] is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
def test_links_loops_and_pipes(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "file.jpg").symlink_to("sub/a.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert found_in(tmp_path) == [
        ("broken.jpg", None),
        ("file.jpg", None),
        ("pipe.jpg", scan.NOT_A_FILE),
        ("self.jpg", None),
        ("sub/a.jpg", None),
        ("sub/up", scan.LINKED_FOLDER),
    ]
    assert not is_directory(tmp_path / "self.jpg")


def test_very_deep_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    depth = 1100 if sys.platform == "linux" else 100
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    (found,) = scan.scan(tmp_path, True, tmp_path / "nothing")
    assert found.path.name == "a.jpg" and found.reason is None
    for level in range(depth, -1, -1):  # pytest's own cleaning gives up at such a depth
        folder = tmp_path.joinpath(*["d"] * level)
        (folder / "a.jpg").unlink(missing_ok=True)
        if level:
            folder.rmdir()


def test_a_folder_that_cannot_be_read_is_found(tmp_path, request):
    (tmp_path / "secret").mkdir(mode=0o000)
    (tmp_path / "a.jpg").touch()
    request.getfixturevalue("unprivileged")
    entries = list(scan.scan(tmp_path.relative_to(tmp_path), True, tmp_path / "nothing"))
    assert [(entry.path.name, entry.reason) for entry in entries] == [("a.jpg", None), ("secret", scan.UNREADABLE)]
    assert "ermission" in entries[1].detail
