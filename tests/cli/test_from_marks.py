"""`deblur --from-marks FILE` as a user meets it."""

import json

import numpy as np
from PIL import Image

from deblurcli.review.marks import read_marks, write_marks
from deblurcli.review.pairs import find_pairs


def test_marked_results_are_done_again_or_removed_and_no_others(here, photo, tmp_path):
    for name in "abc":
        photo(f"in/{name}.png")
    assert here(tmp_path / "in", "-o", "out")[0] == 0
    found = find_pairs(tmp_path / "out")
    marks = tmp_path / "marks.json"
    write_marks(marks, found.folder, found.pairs, {0: "redo", 1: "remove", 2: "keep"})
    kept = (tmp_path / "out" / "c.png").read_bytes()

    code, _, errors = here("--from-marks", marks, "--strength", "0", "--dry-run")
    assert code == 0 and "would remove" in errors
    assert (tmp_path / "out" / "b.png").exists()

    code, _, errors = here("--from-marks", marks, "--strength", "0")
    assert code == 0, errors
    assert not (tmp_path / "out" / "b.png").exists()
    assert (tmp_path / "out" / "c.png").read_bytes() == kept
    before, after = (np.asarray(Image.open(tmp_path / folder / "a.png")) for folder in ("in", "out"))
    assert np.array_equal(before, after)  # strength 0

    code, _, errors = here("--from-marks", marks)  # the same marks again: nothing that they were set on is left
    assert code == 0 and errors.count("left alone") == 2
    assert all((tmp_path / "in" / f"{name}.png").exists() for name in "abc")


def test_marks_reach_no_file_but_results(here, photo, tmp_path):
    photo("in/a.png")
    assert here(tmp_path / "in", "-o", "out")[0] == 0
    found = find_pairs(tmp_path / "out")
    marks = tmp_path / "marks.json"
    write_marks(marks, found.folder, found.pairs, {0: "remove"})
    data = json.loads(marks.read_text())
    data["photos"][0]["after"] = data["photos"][0]["before"]
    marks.write_text(json.dumps(data))
    assert len(read_marks(marks).photos) == 1
    code, _, errors = here("--from-marks", marks)
    assert code == 3 and "no result" in errors
    assert (tmp_path / "in" / "a.png").exists()
    assert here("--from-marks", marks, tmp_path / "in")[0] == 2
    assert here()[0] == 2
