from __future__ import annotations

import os
import threading

import pytest

from deblurcli.atomic import remove_leftovers, try_lock, write_atomically


def test_a_file_is_written_and_nothing_else(tmp_path):
    write_atomically(b"one", tmp_path / "a", overwrite=False)
    with pytest.raises(FileExistsError):
        write_atomically(b"two", tmp_path / "a", overwrite=False)
    write_atomically(b"three", tmp_path / "a", overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"three"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="no locks to tell leftovers by")
def test_leftovers_go_unless_somebody_is_at_work_on_them(tmp_path):
    dead, alive, other = (tmp_path / name for name in (".deblur-0123456789ab", ".deblur-ba9876543210", ".deblur-mine"))
    for path in (dead, alive, other):
        path.write_bytes(b"half")
    descriptor = os.open(alive, os.O_RDWR)
    assert try_lock(descriptor)
    assert remove_leftovers(tmp_path) == 1
    assert not dead.exists() and alive.exists() and other.exists()
    os.close(descriptor)
    assert remove_leftovers(tmp_path) == 1
    assert remove_leftovers(tmp_path / "missing") == 0


def test_writers_are_safe_from_cleaners(tmp_path):
    done = threading.Event()

    def clean():
        while not done.is_set():
            remove_leftovers(tmp_path)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for index in range(100):
            write_atomically(b"x" * 1000, tmp_path / f"{index}", overwrite=bool(index % 2))
    finally:
        done.set()
        cleaner.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(str(index) for index in range(100))
