"""`deblur bench` as a user meets it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from deblurcli.cli.app import commands


@pytest.fixture
def cache(tmp_path):
    """An environment whose Hub cache, where unfinished measurements are kept, is the test's own."""
    return {**os.environ, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def bench(deblur, cache):
    def run(*arguments):
        return deblur("bench", *arguments, env=cache)

    return run


@pytest.fixture
def gopro(tmp_path):
    """Two scenes laid out as in the published archive: folder -> two images each, 96x64."""
    generator = np.random.default_rng(3)
    for scene in ("GOPR0384_11_00", "GOPR0385_11_01"):
        for number in ("000001", "000002"):
            sharp = generator.integers(0, 256, (64, 96, 3)).astype(np.uint8)
            blurry = (sharp // 2 + np.roll(sharp, 2, 1) // 2).astype(np.uint8)
            for kind, pixels in (("sharp", sharp), ("blur", blurry), ("blur_gamma", 255 - blurry)):
                path = tmp_path / "GOPRO_Large" / "test" / scene / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return tmp_path / "GOPRO_Large"


def test_a_data_set_beside_the_literature(bench, gopro, small_model, tmp_path):
    found = bench("--dataset", "gopro", "--data", gopro, "--model", small_model, "--literature", "--no-speed")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    (baseline,) = [line for line in lines if line.startswith("blurry input")]
    expected = []
    for path in sorted(gopro.glob("test/*/blur/*.png")):
        pair = [np.asarray(Image.open(each)) for each in (path, path.parents[1] / "sharp" / path.name)]
        expected.append(peak_signal_noise_ratio(*pair))
    assert f"{np.mean(expected):.2f}" in baseline
    assert "a subset: 4 of 1111 pairs" in found.stdout
    assert "as published" in found.stdout
    assert "30.26" in found.stdout
    assert str(gopro / "test" / "*" / "blur") in found.stdout
    assert "sha256" in found.stdout


def test_every_output_names_the_subset(bench, gopro, small_model, tmp_path):
    options = ("--dataset", "gopro", "--data", gopro, "--model", small_model, "--limit", "2", "--no-speed")
    page = tmp_path / "report.html"
    for kind in (("--html", page), ("--csv",), ("--markdown",)):
        found = bench(*options, *kind)
        assert found.returncode == 0, found.stderr
        assert "a subset: 2 of 1111 pairs" in found.stdout, kind
    assert "a subset: 2 of 1111 pairs" in page.read_text()


def test_json_and_csv_hold_every_image(bench, gopro, small_model):
    options = ("--dataset", "gopro", "--data", gopro, "--model", small_model, "--tta", "--no-speed")
    report = json.loads(bench(*options, "--json").stdout)
    names = ["blurry input", str(small_model), f"{small_model} --tta"]
    assert [row["method"] for row in report["quality"]["summaries"]] == names
    assert len(report["quality"]["scores"]) == 12
    assert report["quality"]["methods"][2]["tta"] is True
    table = [line for line in bench(*options, "--csv").stdout.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(table))
    assert [float(row["psnr"]) for row in rows] == [score["psnr"] for score in report["quality"]["scores"]]
    plain, ensemble = (
        [score["psnr"] for score in report["quality"]["scores"] if score["method"] == name] for name in names[1:]
    )
    assert plain != ensemble


def test_several_folders(bench, photo, small_model, tmp_path):
    for folder in ("a", "b"):
        photo(f"{folder}/blur/1.png")
        photo(f"{folder}/sharp/1.jpg", quality=60)
    found = bench("--pairs", "a", "--pairs", "b", "--model", small_model, "--no-speed", "--json")
    assert found.returncode == 0, found.stderr
    quality = json.loads(found.stdout)["quality"]
    assert [score["pair"] for score in quality["scores"][::2]] == ["a/1", "b/1"]
    assert quality["coverage"] == "all 2 pairs"
    assert quality["folders"] == ["a/blur", "a/sharp", "b/blur", "b/sharp"]


def test_an_interrupted_measurement_is_finished(bench, cache, photo, small_model, tmp_path):
    for number in range(40):
        photo(f"p/blur/{number}.png", 160 + number, 120)
        photo(f"p/sharp/{number}.jpg", 160 + number, 120, quality=60)
    options = ["bench", "--pairs", "p", "--model", str(small_model), "--no-speed", "--json"]
    command = [sys.executable, "-m", "deblurcli", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env=cache, start_new_session=True, **pipes)  # type: ignore[call-overload]
    kept = tmp_path / "hub"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not [path for path in kept.rglob("*.jsonl") if path.stat().st_size > 800]:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume goes on" in errors
    assert "Traceback" not in errors
    (journal,) = kept.rglob("*.jsonl")
    done = len(journal.read_text().splitlines())
    assert 0 < done < 80
    stamped = journal.read_text()
    journal.write_text(stamped.replace('"psnr": ', '"psnr": 1', 1) + '{"pair": "cut o')  # to see that it is used
    resumed = bench(*options[1:], "--resume")
    assert resumed.returncode == 0, resumed.stderr
    fresh = bench(*options[1:])
    first, second = (json.loads(run.stdout)["quality"]["scores"] for run in (resumed, fresh))
    assert first[0]["psnr"] != second[0]["psnr"]
    assert first[1:] == second[1:]
    assert not list(kept.rglob("*.jsonl"))


def test_speed_alone_needs_no_data(bench, small_model):
    found = bench("--speed", "--size", "64x48", "--size", "80x64", "--runs", "2", "--model", small_model, "--json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert report["quality"] is None
    assert [(row["width"], row["height"]) for row in report["speed"]["rows"]] == [(64, 48), (80, 64)]
    for row in report["speed"]["rows"]:
        assert len(row["network"]["seconds"]) == len(row["file"]["seconds"]) == 2
        assert row["flop"] > 0
        assert row["share_of_peak"] > 0


def test_kohler_is_compared_with_the_whole_trajectory(bench, small_model, tmp_path):
    generator = np.random.default_rng(1)
    scene = generator.integers(0, 256, (30, 24, 3)).astype(np.uint8)
    sharp = np.asarray(Image.fromarray(scene).resize((176, 192), Image.Resampling.BICUBIC))
    folder = tmp_path / "kohler"
    folder.mkdir()
    for frame in range(1, 199):
        path = folder / f"GroundTruth1_1_{frame}.png"
        Image.fromarray(np.roll(sharp, frame % 3, 1)).save(path, compress_level=1)
    Image.fromarray(sharp // 2).save(folder / "Blurry1_1.png")
    found = bench("--dataset", "kohler", "--data", folder, "--model", small_model, "--no-speed", "--json")
    assert found.returncode == 0, found.stderr
    quality = json.loads(found.stdout)["quality"]
    assert quality["protocol"] == "kohler"
    score = quality["scores"][0]
    assert score["psnr"] > 40  # half as bright and moved: the protocol makes up for both
    assert score["ms_ssim"] > 0.99
    assert score["ssim_matlab"] is None


def refused(found, code, *words):
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    message = found.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in message


@pytest.fixture
def bench_here(tmp_path, monkeypatch, capfd):
    """The same in this process, which has PyTorch already: for what is refused at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            commands(["bench", *map(str, arguments)], prog_name="deblur")
        return subprocess.CompletedProcess(arguments, ended.value.code, *capfd.readouterr())

    return run


def test_refusals(bench_here, gopro, tmp_path):
    refused(bench_here(), 2, "nothing to measure on", "--dataset")
    refused(bench_here("--dataset", "nonsense", "--data", gopro), 2, "nonsense", "gopro")
    refused(bench_here("--dataset", "gopro", "--pairs", "p"), 2, "not both")
    refused(bench_here("--blur", "a"), 2, "--sharp")
    refused(bench_here("--data", gopro), 2, "--dataset")
    refused(bench_here("--dataset", "gopro", "--data", tmp_path / "nowhere"), 3, "nowhere", "--data")
    refused(bench_here("--dataset", "hide", "--data", gopro), 3, "looked for", "found")
    refused(bench_here("--speed", "--size", "large"), 2, "large", "1280x720")
    refused(bench_here("--speed", "--preset", "nonsense"), 2, "anisimovskiy-2023")
    refused(bench_here("--speed", "--csv"), 2, "--csv")
    refused(bench_here("--pairs", "p", "--json", "--csv"), 2, "one of them")
    refused(bench_here("--speed", "--html", tmp_path / "no" / "r.html"), 1, "make it first")
    refused(bench_here("--dataset", "gopro", "--data", gopro, "--model", "nonsense"), 4, "nonsense", "srn-fast")


def test_refusals_of_pairs(bench, bench_here, gopro, photo, small_model, tmp_path):
    next(gopro.glob("test/*/sharp/000001.png")).unlink()
    refused(bench_here("--dataset", "gopro", "--data", gopro), 3, "without")
    photo("p/blur/1.png", 70, 50)
    photo("p/sharp/1.png", 50, 70)
    refused(bench("--pairs", "p", "--model", small_model, "--no-speed"), 3, "one size")
    Image.new("L", (70, 50)).save(tmp_path / "p" / "sharp" / "1.png")
    refused(bench("--pairs", "p", "--model", small_model, "--no-speed"), 3, "8-bit RGB")
    (tmp_path / "p" / "sharp" / "1.png").write_bytes(b"no image")
    refused(bench("--pairs", "p", "--model", small_model, "--no-speed"), 3, "1.png")


def test_a_download_is_asked_for(bench):
    refused(bench("--dataset", "hide"), 2, "--data")
