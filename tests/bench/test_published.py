from __future__ import annotations

import dataclasses

import pytest

from deblurcli.bench.published import PRESETS, PUBLISHED, literature_on
from deblurcli.bench.results import Quality

ROWS = [row for rows in PUBLISHED.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} ({row.source})")
def test_a_row_has_a_source_and_figures_that_can_be(row):
    assert row.source.strip() == row.source != ""
    assert 20 < float(row.psnr) < 40
    assert row.ssim is None or 0.7 < float(row.ssim) < 1


def test_no_row_is_there_twice():
    for rows in PUBLISHED.values():
        assert len({(row.method, row.source) for row in rows}) == len(rows)


def test_srn_is_as_its_paper_prints_it():
    (gopro,) = (row for row in PUBLISHED["gopro"] if row.method.startswith("SRN (SR"))
    (kohler,) = (row for row in PUBLISHED["kohler"] if row.method.startswith("SRN (SR"))
    assert (gopro.psnr, gopro.ssim, gopro.time) == ("30.26", "0.9342", "1.87 s (GPU)")
    assert (kohler.psnr, kohler.ssim) == ("26.75", "0.8370")


def test_papers_that_disagree_keep_their_own_rows():
    rows = [row for row in PUBLISHED["gopro"] if row.method == "DeblurGAN"]
    assert [(row.ssim, row.time) for row in rows] == [("0.927", "7.8 s (CPU)"), ("0.958", "0.8 s")]
    assert len({row.source for row in rows}) == 2


def test_a_preset_comes_with_the_paper_s_times():
    for name, preset in PRESETS.items():
        assert preset.name == name
    preset = PRESETS["anisimovskiy-2023"]
    assert (preset.device, preset.width, preset.height, preset.all_cores) == ("cpu", 1280, 720, True)
    assert len(preset.published) == 9
    assert all(row.time.endswith(" s (CPU)") and "Anisimovskiy" in row.source for row in preset.published)


def test_published_rows_warn_of_another_data_set_and_of_a_subset():
    half = Quality("gopro", (), 5, 5, 1111, "pairs", (), ())
    assert "the measured figures of a subset: 5 of 1111 pairs" in literature_on("gopro", half).lead
    whole = dataclasses.replace(half, pairs=1111, found=1111)
    assert "subset" not in literature_on("gopro", whole).lead
    own = dataclasses.replace(half, dataset="folder", published=None)
    assert literature_on("folder", own).about == "gopro"
    assert "This data set was not measured here." in literature_on("folder", own).lead
