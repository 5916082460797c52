from __future__ import annotations

import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from deblurcli.errors import UsageError
from deblurcli.jobs.names import disk_folds, existing_parent, fold
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.task import Options


def test_the_disk_is_asked_and_left_as_it_was(tmp_path):
    (tmp_path / "Name").touch()
    (tmp_path / unicodedata.normalize("NFC", "é")).touch()
    case = (tmp_path / "nAME").exists()
    accents = (tmp_path / unicodedata.normalize("NFD", "é")).exists()
    assert disk_folds(tmp_path) == (case, accents)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_disk_may_take_for_the_same():
    composed, decomposed = unicodedata.normalize("NFC", "É.jpg"), unicodedata.normalize("NFD", "é.JPG")
    assert fold(composed, True, True) == fold(decomposed, True, True)
    assert len({fold(name, case, False) for case in (True, False) for name in (composed, decomposed)}) == 4
    assert fold("A", False, True) != fold("a", False, True)


def test_the_nearest_folder_there_is(tmp_path):
    assert existing_parent(tmp_path / "not" / "yet" / "a.jpg") == tmp_path


def test_names_in_case_and_accents_are_kept_apart_where_the_disk_does(photo, tmp_path):
    names = ["a.png", "A.png", unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")]
    for name in names:
        photo(f"in/{name}")
    there = len(list((tmp_path / "in").iterdir()))
    assert len(make_plan([tmp_path / "in"], tmp_path / "out").tasks) == there
    assert not (tmp_path / "out").exists()


def test_clashes_are_counted(photo, tmp_path):
    for index in range(3):
        photo(f"in/{index}.png")
        photo(f"in/{index}.jpg")
    with pytest.raises(UsageError, match=r"0.jpg and .*0.png would both become .*0.webp \(and 2 more like that\)"):
        make_plan([tmp_path / "in"], tmp_path / "out", options=Options(format="WEBP"))


def test_a_link_to_an_input_is_no_output(photo, tmp_path):
    photo("in/a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "in" / "a.png")
    with pytest.raises(UsageError, match="never overwritten"):
        make_plan([tmp_path / "in"], tmp_path / "out")


def comparisons(*inputs, output=None):
    plan = make_plan(inputs, output, Options(compare=True))
    return {task.target.name: task.comparison.name for task in plan.tasks}


def test_each_photo_has_a_before_after_picture_of_its_own(photo, tmp_path):
    for name in ("a.png", "a.webp", "b.png", "C.png", "c.webp"):
        photo(f"in/{name}")
    assert comparisons(tmp_path / "in", output=tmp_path / "out") == {
        "a.png": "a.png-compare.jpg",
        "a.webp": "a.webp-compare.jpg",
        "b.png": "b-compare.jpg",
        "C.png": "C.png-compare.jpg",
        "c.webp": "c.webp-compare.jpg",
    }


def test_a_before_after_picture_takes_the_name_of_no_photo(photo, tmp_path):
    photos = [photo(name) for name in ("a.png", "a-compare.jpg", "a.png-compare.jpg")]
    assert comparisons(*photos, output=tmp_path / "out/") == {
        "a.png": "a.png-2-compare.jpg",
        "a-compare.jpg": "a-compare-compare.jpg",
        "a.png-compare.jpg": "a.png-compare-compare.jpg",
    }


def test_a_before_after_picture_never_overwrites_the_photo(photo, restore_folder, tmp_path):
    source = photo("b-compare.jpg")
    before = source.read_bytes()
    tasks = make_plan([source], tmp_path / "b.png", Options(compare=True)).tasks
    (result,) = restore_folder(source, None, tasks=[replace(task, overwrite=True) for task in tasks])
    assert result.comparison == tmp_path / "b.png-compare.jpg"
    assert source.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="names of bytes")
def test_links_in_circles_and_undecodable_names_do_not_stop_a_plan(photo, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    Path(tmp_path, "in", "\udcff.png").touch()
    plan = make_plan([tmp_path / "in"], tmp_path / "out")
    assert [task.name for task in plan.tasks] == ["loop.png", "\udcff.png"]
