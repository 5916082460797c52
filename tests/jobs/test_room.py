from __future__ import annotations

import threading

from deblurcli.jobs.room import SMALLEST, Room

LARGE = 10 * SMALLEST


def test_pictures_wait_until_there_is_room():
    room, got = Room(LARGE), threading.Event()
    assert room.take(LARGE - SMALLEST)
    assert room.take(1)  # counts as the smallest
    assert not room.take(1, give_up=lambda: True)
    thread = threading.Thread(target=lambda: room.take(SMALLEST) and got.set())  # type: ignore[func-returns-value]
    thread.start()
    assert not got.wait(0.05)
    room.give(1)
    thread.join()
    assert got.is_set()


def test_what_is_larger_than_the_room_goes_alone():
    room = Room(LARGE)
    assert room.take(100 * LARGE)
    assert not room.take(1, give_up=lambda: True)
    room.give(100 * LARGE)
    assert room.take(1)
    assert not room.take(100 * LARGE, give_up=lambda: True)
