"""What a user reads in the files of a benchmark."""

import base64
import csv
import dataclasses
import io
import json
import math
import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from report_example import FAST, HOSTILE, HOSTILE_MODEL, PAIRS, quality, report, viewed

from deblurcli.bench.results import BASELINE, Method, Quality, Report, Score
from deblurcli.bench.writers import choose_viewed, to_csv, to_html, to_json, to_markdown
from deblurcli.viewer.crops import CROP_HEIGHT, CROP_WIDTH, most_changed


def as_html(findings):
    return to_html(findings, viewed())


WRITERS = (to_json, to_csv, to_markdown, as_html)


def read_json(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def read_csv(text):
    lines = text.splitlines(keepends=True)
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("write", WRITERS)
def test_every_file_says_what_was_measured_and_how(write):
    text = write(report())
    for fact in ("a subset: 5 of 1111 pairs", "GOPRO/test/blur", "srn-fast.safetensors", "ab" * 32, "cpu", "fp32"):
        assert fact in text
    for fact in ("torch", "2.9.0", "A Processor", "A GPU", "a note", "2026-03-01T12:00:00+01:00"):
        assert fact in text


def test_json_has_everything_and_is_valid():
    findings = report()
    read = read_json(to_json(findings))
    assert read["quality"]["coverage"] == "a subset: 5 of 1111 pairs"
    for stored, score in zip(read["quality"]["scores"], findings.quality.scores, strict=True):
        assert float(stored["psnr"]) == score.psnr  # "inf" for the identical pair
        assert (stored["pair"], stored["method"]) == (score.pair, score.method)
    assert read["quality"]["scores"][-1]["psnr"] == "inf"
    assert read["quality"]["summaries"][1]["best"] == findings.quality.summaries[1].best
    assert read["quality"]["methods"][1] == dataclasses.asdict(FAST)
    row = read["speed"]["rows"][0]
    assert row["network"] == {"seconds": [2.0, 1.5, 4.0], "median": 2.0, "fastest": 1.5, "slowest": 4.0}
    assert row["images_per_second"] == 0.5
    assert row["flop_per_second"] == 1.5e11
    assert row["share_of_peak"] == 1.5
    assert read["as_published"][0]["rows"][1] == {
        "method": "Another",
        "psnr": "28.1",
        "ssim": None,
        "time": None,
        "source": "A paper, Table 3",
    }


def test_csv_reads_back_exactly():
    findings = report()
    read = read_csv(to_csv(findings))
    assert len(read) == 15
    for row, score in zip(read, findings.quality.scores, strict=True):
        assert (row["pair"], row["method"]) == (score.pair, score.method)
        assert float(row["psnr"]) == score.psnr
        assert float(row["ssim_wang"]) == score.ssim_wang
    koehler = read_csv(to_csv(report("kohler")))
    assert {row["ssim_matlab"] for row in koehler} == {""}


def test_markdown_renders_as_meant():
    text = to_markdown(report())
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert "<script" not in page and "<img" not in page and "<em>" not in page
    tables = re.findall("<table>.*?</table>", page, re.S)
    assert len(tables) == 4
    for table in tables:
        widths = {len(re.findall("<t[hd]", row)) for row in re.findall("<tr>.*?</tr>", table, re.S)}
        assert len(widths) == 1
    measured, published, speed, _ = tables
    assert "&quot;&gt;&lt;img src=x onerror=&quot;window.hacked = 1&quot;&gt;|*m*" in measured
    assert "A method" in published and "A method" not in measured + speed
    assert "PSNR as published" in published and "published" not in measured + speed
    assert "SSIM (MATLAB)" in measured and "SSIM (Wang)" in measured
    assert "2,000.00 (1,500.00 to 4,000.00, 3 runs)" in speed and "% of matrix peak" in speed
    assert "<code>deblur bench --dataset gopro GOPRO --limit 5 # `x`</code>" in page


def test_infinite_figures_are_signs_and_koehler_has_one_ssim():
    lines = to_markdown(report()).splitlines()
    assert next(line for line in lines if line.startswith("| blurry")).split(" | ")[1] == "∞"
    text = to_markdown(report("kohler"))
    assert "MATLAB" not in text
    assert "all frames of its camera trajectory" in text


def test_published_rows_keep_their_digits_and_their_lead():
    published = to_markdown(report()).split("## As published: gopro")[1]
    assert published.split("|")[0].strip() == "Not measured here."
    assert "| 30.90 |" in published


def test_quality_per_second_has_what_was_measured_as_it_was_timed_and_papers_cpu_times():
    found = report()
    scores = tuple(score for score in found.quality.scores if score.pair != "identical")
    found = dataclasses.replace(found, quality=dataclasses.replace(found.quality, scores=scores))
    section = to_markdown(found).split("## Quality per second")[1].split("##")[0]
    own, published = section.splitlines()[4:6]
    assert own == "| srn-fast | fp32 | 1280×720 | +1.00 | 25.50 | 2 | 150 | +0.50 |"
    assert published == "| On a CPU (as published) | – | 1280×720 | – | 29.50 | 4 | – | – |"
    [row, other] = json.loads(to_json(found))["quality_per_second"]
    assert (row["seconds"], row["published"], other["published"]) == (2.0, False, True)
    page = to_html(found, [])
    assert "srn-fast: 25.50 dB, 2 s" in page and "On a CPU (as published): 29.50 dB, 4 s" in page
    elsewhere = dataclasses.replace(found, quality=dataclasses.replace(found.quality, dataset="folder"))
    assert "On a CPU (as published): 29.50 dB" not in to_html(elsewhere, [])


@pytest.mark.parametrize("write", [to_json, to_csv, to_markdown, lambda findings: to_html(findings, [])])
@pytest.mark.parametrize("left_out", ["quality", "speed"])
def test_half_a_report(write, left_out):
    findings = dataclasses.replace(report(), **{left_out: None}, literature=())
    assert "2026-03-01T12:00:00+01:00" in write(findings)


@pytest.mark.parametrize("write", WRITERS)
def test_names_that_are_not_text_can_be_written(write):
    findings = report()
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    scores = tuple(dataclasses.replace(score, pair=f"{name}{score.pair}") for score in findings.quality.scores)
    renamed = dataclasses.replace(findings.quality, scores=scores, folders=(name,))
    data = write(dataclasses.replace(findings, quality=renamed)).encode()
    assert rb"caf\udce9" in data


def test_html_asks_for_nothing_and_escapes_names():
    page = to_html(report(), viewed())
    assert "default-src 'none'" in page
    assert "http" not in re.sub('content="default-src.*?"|http-equiv', "", page)
    assert page.count("<script") == 1
    assert HOSTILE not in page and HOSTILE_MODEL not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_html_with_nothing_finite_to_draw():
    methods = (Method(BASELINE), FAST)
    scores = tuple(Score("only", method.name, math.inf, 1.0, 1.0) for method in methods)
    perfect = Quality("folder", ("a", "b"), 1, 1, None, "pairs", methods, scores)
    page = to_html(Report("deblur bench", "now", {}, perfect), [])
    assert "the only pair" in page
    assert "nothing to draw" in page


def pictures(page):
    """The stage's images by (kind, picture) as a browser decodes them."""
    found = {}
    for kind, layer in re.findall(r'<div class="layer" data-kind="(\w+)">(.*?)</div>', page, re.S):
        for index, data in re.findall(r'data-picture="(\d+)".*?base64,([^"]+)"', layer):
            found[kind, int(index)] = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    return found


def test_shown_pixels_are_the_images_own():
    small, large = viewed()
    page = to_html(report(), [small, large])
    shown = pictures(page)
    x, y = (int(value) for value in re.findall(r'<rect x="(\d+)" y="(\d+)" width="768"', page)[0])
    assert x <= 1000 and y <= 600 and x + CROP_WIDTH >= 1200 and y + CROP_HEIGHT >= 700
    for kind in ("blurry", "restored", "truth"):
        assert np.array_equal(shown[kind, 0], getattr(small, kind))
        assert shown[kind, 1].shape == (CROP_HEIGHT, CROP_WIDTH, 3)
        assert np.array_equal(shown[kind, 1], getattr(large, kind)[y : y + CROP_HEIGHT, x : x + CROP_WIDTH])
    assert "the whole image, 160×120 pixels" in page
    assert "768×512 pixels, where most changed, of 1280×720" in page


@pytest.mark.parametrize("shape", [(1, 1), (5, 900), (513, 769), (700, 30), (1000, 1500)])
def test_crop_holds_the_change_at_any_size(shape):
    before = np.zeros((*shape, 3), np.uint8)
    after = before.copy()
    after[-1, -1] = 255
    crop = most_changed(before, after)
    part = crop.of(after)
    assert part.shape == (min(CROP_HEIGHT, shape[0]), min(CROP_WIDTH, shape[1]), 3)
    assert part.max() == 255


@pytest.mark.parametrize("images", [1, 2, 3, 5, 7, 8, 1111])
def test_chosen_images_go_from_best_to_worst(images):
    methods = (Method(BASELINE), FAST)
    gains = np.random.default_rng(images).permutation(images) / 10 - 1
    scores = [Score(f"{index}", BASELINE, 25.0, None, None) for index in range(images)]
    scores += [Score(f"{index}", FAST.name, 25.0 + gains[index], None, None) for index in range(images)]
    chosen = choose_viewed(Quality("folder", (), images, images, None, "pairs", methods, tuple(scores)), FAST.name)
    order = [gains[int(pair)] for pair, _ in chosen]
    assert order == sorted(order, reverse=True)
    assert len({pair for pair, _ in chosen}) == len(chosen) == min(images, 7)
    assert order[0] == gains.max() and order[-1] == gains.min()
    assert [reason for _, reason in chosen] == ["best", *["middle"] * (len(chosen) - 2), "worst"][: len(chosen)]
    if images == 1111:
        assert np.ptp(np.diff([round((gain + 1) * 10) for gain in order])) <= 1  # evenly spaced ranks


def test_chosen_images_with_equal_and_infinite_gains():
    chosen = choose_viewed(quality(), FAST.name)
    assert [pair for pair, _ in chosen] == [PAIRS[3], PAIRS[2], PAIRS[1], "identical", PAIRS[0]]
