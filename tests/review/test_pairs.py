"""Which befores and afters a review finds in a folder."""

import pytest
from result_folders import picture, save

from deblurcli.errors import InputError
from deblurcli.review.pairs import find_pairs


def test_by_the_records_of_a_run(results):
    folder = results({"b.png": 4, "sub/a.png": 2, "gone.png": 1})
    (folder / "gone.png").unlink()
    (folder.parent / "in" / "b.png").rename(folder.parent / "elsewhere.png")
    found = find_pairs(folder)
    assert [pair.name for pair in found.pairs] == ["sub/a.png"]
    assert found.pairs[0].before == folder.parent / "in" / "sub" / "a.png"
    assert len(found.notes) == 2  # one original moved, one result removed: neither is kept quiet about


def test_beside_the_originals_and_in_the_folder_of_the_usual_name(tmp_path):
    for name in ("a.jpg", "a-deblurred.jpg", "a-deblurred-compare.jpg", "alone.jpg"):
        save(tmp_path / "photos" / name, picture(32, 32))
    assert [(pair.before.name, pair.after.name) for pair in find_pairs(tmp_path / "photos").pairs] == [
        ("a.jpg", "a-deblurred.jpg")
    ]
    save(tmp_path / "photos-deblurred" / "x.png", picture(32, 32))
    save(tmp_path / "originals" / "x.tiff", picture(32, 32))
    (pair,) = find_pairs(tmp_path / "photos-deblurred", tmp_path / "originals").pairs
    assert pair.before.name == "x.tiff"


def test_nothing_to_compare_is_one_clear_line(tmp_path):
    save(tmp_path / "a.jpg", picture(32, 32))
    with pytest.raises(InputError, match="--before"):
        find_pairs(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_pairs(tmp_path / "none")
