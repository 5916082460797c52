from __future__ import annotations

import pytest

from deblurcli.jobs.estimate import SAMPLE_SIDE, estimate
from deblurcli.jobs.plan import make_plan

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_sample_is_restored_and_all_pixels_are_counted(photo, tmp_path, deblurrer):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no photo")
    photo("in/b.png", SAMPLE_SIDE + 200, 60)
    photo("in/c.png", 50, 40)
    tasks = make_plan([tmp_path / "in"], tmp_path / "out").tasks
    guess = estimate(tasks, [deblurrer], 1.0)
    assert guess.sample == (SAMPLE_SIDE, 60)
    assert guess.pixels == (SAMPLE_SIDE + 200) * 60 + 50 * 40 and guess.unknown == 1
    assert guess.seconds == pytest.approx(guess.pixels / guess.per_second)
    assert not (tmp_path / "out").exists()


def test_nothing_to_measure_on(tmp_path, deblurrer):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no photo")
    tasks = make_plan([tmp_path / "in"], tmp_path / "out").tasks
    assert estimate(tasks, [deblurrer], 1.0) is None
