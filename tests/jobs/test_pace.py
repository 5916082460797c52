from __future__ import annotations

import time

from deblurcli.cli.progress import duration
from deblurcli.jobs.pace import Pace


def surveyed(pace):
    while pace.surveyed < pace.files:
        time.sleep(0.001)
    return pace


def test_pixels_count_and_not_files(photo):
    large, small = photo("large.png", 100, 90), photo("small.png", 10, 10)
    pace = surveyed(Pace([large, small], 2))
    assert pace.total == 9100
    assert pace.seconds_left is None
    pace.begin(0, 9000)
    pace.advance(0, 0.5)
    assert pace.so_far == 4500
    half = pace.seconds_left
    pace.begin(1, 100)  # on a second device
    pace.advance(1, 1.0)
    pace.begin(0, 100)
    assert pace.so_far == 9100
    assert half > 0 and pace.seconds_left == 0


def test_files_not_looked_at_are_taken_for_middling(photo, tmp_path):
    (tmp_path / "bad.png").write_text("no photo")
    sources = [photo("a.png", 20, 10), photo("b.png", 40, 10), tmp_path / "bad.png"]
    pace = Pace(sources, 5)
    while pace.surveyed < 3:
        time.sleep(0.001)
    assert pace.total == 200 + 400 + 2 * 300


def test_durations():
    assert [duration(seconds) for seconds in (0, 42, 3599.6, 90061, 2 * 86400)] == [
        "0:00",
        "0:42",
        "1:00:00",
        "1 day 1:01:01",
        "2 days 0:00:00",
    ]
