"""The table of what each format keeps is true, and is what the page shows."""

import kept
import numpy as np
import pytest
from PIL import features

from deblurcli.images import WRITABLE


def test_the_table_has_every_format_that_is_written():
    assert sorted(kept.FORMATS) == sorted(set(WRITABLE.values()))


@pytest.mark.parametrize("format", kept.FORMATS)
@pytest.mark.parametrize("part", kept.KEPT)
def test_each_cell(colour8, srgb, part, format):
    if format == "HEIF":
        pytest.importorskip("pillow_heif")
    elif format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    cell = kept.KEPT[part][kept.FORMATS.index(format)]
    assert kept.measured(part, format, colour8, srgb) == cell


def test_a_transparent_picture_for_the_table_is_half_transparent(colour8, srgb):
    photo = kept._SOURCES["transparency"](kept.Photo(colour8, None, "PNG"), srgb)
    assert np.unique(photo.alpha).tolist() == [0, 255]


def test_the_page_shows_the_table():
    page = kept.PAGE.read_text(encoding="utf-8")
    assert kept.page_with_table(page) == page, "run: python tests/images/kept.py"
