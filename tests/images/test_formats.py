import subprocess
import sys
from pathlib import Path

import pytest

from deblurcli.display import display_name
from deblurcli.errors import UsageError
from deblurcli.images import WRITABLE, format_for, is_image_name, suffix_for


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "ö b.Png", "x.tif", "x.TIFF", "x.webp", "x.bmp", "x.heic"])
def test_photographs_are_known_by_name(name):
    assert is_image_name(Path("folder") / name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", ".jpg", "a.jpg.part", "a.nef", "._a.jpg", "movie.mp4"])
def test_other_files_are_not(name):
    assert not is_image_name(Path(name))


def test_output_format_follows_the_suffix():
    assert format_for(Path("a/b.JPG")) == "JPEG"
    assert format_for(Path("b.tif")) == "TIFF"


@pytest.mark.parametrize("name", ["sharp.xyz", "sharp", "sharp.gif", "sharp.nef"])
def test_an_unknown_output_suffix_names_the_known_ones(name):
    with pytest.raises(UsageError) as caught:
        format_for(Path(name))
    assert str(caught.value).startswith(f"{name}: ")
    assert all(suffix in str(caught.value) for suffix in WRITABLE)


def test_every_format_has_a_suffix_that_leads_back_to_it():
    for format in set(WRITABLE.values()):
        assert format_for(Path("a" + suffix_for(format))) == format
    assert suffix_for("JPEG") == ".jpg"
    with pytest.raises(UsageError):
        suffix_for("GIF")


def test_names_are_shown_on_one_printable_line():
    assert display_name("zwei\nZeilen ü.jpg") == "zwei\\nZeilen ü.jpg"
    display_name(Path("bad\udcff.jpg")).encode("utf-8")


def test_a_folder_scan_loads_no_image_library():
    code = (
        "import sys, pathlib; from deblurcli.images import is_image_name; is_image_name(pathlib.Path('a.jpg'));"
        "print([name for name in ('PIL', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
