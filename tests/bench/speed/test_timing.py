"""Timing as a user gets it: the shipped weights, real files, real processes. Nothing here asserts a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deblurcli.bench.speed.flop import network_flop
from deblurcli.bench.speed.hardware import gpu_name, logical_cores, processor_name
from deblurcli.bench.speed.memory import peak_memory
from deblurcli.bench.speed.peak import matrix_peak
from deblurcli.bench.speed.sample import sample_picture
from deblurcli.bench.speed.timing import Case, cases_of, measure_speed, preset_named
from deblurcli.errors import DeblurError, UsageError, WeightsUnavailable
from deblurcli.images import Photo, encode_photo
from deblurcli.networks import build_network

MIB = 1 << 20

has_wait4 = pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell a process's memory")


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_two_cases_side_by_side(temporary):
    steps = []
    speed = measure_speed(
        cases_of(["srn-fast"], ["cpu"], ["fp32"], ["64x64", "70x50"]),
        runs=2,
        threads=1,
        advance=lambda done, total: steps.append((done, total)),
    )
    assert [(row.width, row.height) for row in speed.rows] == [(64, 64), (70, 50)]
    for row in speed.rows:
        assert (row.model, row.device, row.precision) == ("srn-fast", "cpu", "fp32")
        assert len(row.network.seconds) == len(row.file.seconds) == 2
        assert row.network.fastest > 0 and row.file.fastest > 0
        assert row.peak > 1e9 and row.flop_per_second > 0
        assert row.gpu_memory is None
        if hasattr(os, "wait4"):
            assert 50 * MIB < row.memory < 4096 * MIB
    assert steps == [(done, 8) for done in range(1, 9)]
    assert speed.processor and speed.threads == 1 and speed.gpu is None and speed.preset is None
    assert list(temporary.glob("deblur*")) == []


def test_threads_are_what_was_asked_for_and_then_as_before():
    before = torch.get_num_threads()
    speed = measure_speed([Case("srn-fast", "cpu", "bf16", 16, 16)], runs=1, warmup=0, threads=before + 1)
    assert speed.threads == before + 1
    assert speed.rows[0].precision == "bf16" and len(speed.rows[0].network.seconds) == 1
    assert torch.get_num_threads() == before


def test_auto_is_reported_as_what_it_was():
    (row,) = measure_speed([Case("srn-fast", "auto", "auto", 32, 32)], runs=1, threads=1).rows
    assert row.device.split(":")[0] in ("cpu", "cuda", "mps") and row.precision in ("fp32", "bf16", "fp16")


def test_a_preset_decides_device_size_and_threads():
    preset = preset_named("anisimovskiy-2023")
    (case,) = cases_of(["srn-fast"], ["cuda", "mps"], ["fp32"], ["64x64"], preset)
    assert case == Case("srn-fast", "cpu", "fp32", 1280, 720)
    small = replace(preset, width=32, height=32)
    cases = cases_of(["srn-fast"], ["cpu"], ["fp32"], [], small)
    speed = measure_speed(cases, runs=1, warmup=0, preset=small)
    assert speed.preset == "anisimovskiy-2023" and speed.threads == logical_cores()


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(UsageError, match="unknown preset 'x'; known: anisimovskiy-2023"):
        preset_named("x")


def test_every_combination_is_a_case_once():
    cases = cases_of(["a", "b", "a"], ["cpu", "cuda"], ["fp32"], ["64x48", "1280x720"])
    assert len(cases) == 8
    assert cases[0] == Case("a", "cpu", "fp32", 64, 48)


@pytest.mark.parametrize("size", ["1280", "1280x", "x720", "-64x64", "64x64x3", "64 x 64", "1e3x64", "15x64", "64x0"])
def test_a_size_that_is_none(size):
    with pytest.raises(UsageError) as error:
        cases_of(["srn-fast"], ["cpu"], ["fp32"], [size])
    assert repr(size) in str(error.value) or size in str(error.value)
    assert "\n" not in str(error.value)


GOOD = Case("srn-fast", "cpu", "fp32", 64, 64)


@pytest.mark.parametrize(
    ("cases", "numbers", "said"),
    [
        ([replace(GOOD, device="cuda:99")], {}, "available: auto"),
        ([replace(GOOD, precision="int8")], {}, "known: auto, fp32"),
        ([replace(GOOD, width=8)], {}, "8x64"),
        ([replace(GOOD, height=70000)], {}, "64x70000"),
        ([replace(GOOD, width=40000, height=40000)], {}, "1000 megapixels"),
        ([], {}, "nothing to time"),
        ([GOOD], {"runs": 0}, "0 runs"),
        ([GOOD], {"warmup": -1}, "warming up"),
        ([GOOD], {"threads": 0}, "0 threads"),
    ],
)
def test_wrong_wishes_are_one_line(temporary, cases, numbers, said):
    with pytest.raises(UsageError) as error:
        measure_speed(cases, **{"runs": 1, **numbers})
    assert said in str(error.value) and "\n" not in str(error.value)
    assert list(temporary.glob("deblur*")) == []


def test_an_unknown_model(temporary):
    with pytest.raises(WeightsUnavailable, match="known models: maxim-fast"):
        measure_speed([replace(GOOD, model="nosuch")], runs=1)
    assert list(temporary.glob("deblur*")) == []


# Run as a process of its own, so that it can be interrupted; says when it gets where.
INTERRUPTED = """
from deblurcli.bench.speed.timing import Case, measure_speed
cases = [Case("srn-fast", "cpu", "fp32", 64, 64)] * 2
measure_speed(cases, runs=2, threads=1, advance=lambda done, total: print(done, flush=True))
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux's /proc to look for processes left")
@pytest.mark.parametrize("others", [False, True], ids=["in a round", "while another process runs"])
def test_an_interrupt_leaves_nothing_behind(tmp_path, others):
    program = [sys.executable, "-c", INTERRUPTED]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout.readline() == b"1\n"
        deadline = time.monotonic() + 120
        while others and not processes_with(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert bool(processes_with(str(tmp_path))) == others
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode != 0
    assert list(tmp_path.glob("deblur*")) == []
    assert processes_with(str(tmp_path)) == []


def processes_with(argument: str) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().decode(errors="replace")
        except OSError:
            continue  # gone meanwhile
        if argument in command:
            found.append(command)
    return found


@has_wait4
def test_memory_is_that_of_the_process_alone():
    ballast = np.ones(300 * MIB, np.uint8)  # a process started from here would count it as its own
    small = peak_memory([sys.executable, "-c", "pass"], {})
    large = peak_memory([sys.executable, "-c", f"bytearray(b'x') * (200 * {MIB})"], {})
    assert small < 100 * MIB
    assert 190 * MIB < large - small < 230 * MIB
    assert ballast.nbytes == 300 * MIB


@has_wait4
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; print('first', file=sys.stderr); sys.exit('deblur: no such thing')", "failed: no such thing"),
        ("raise SystemExit(7)", "exit code 7"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
    ],
)
def test_a_process_that_fails_says_why(program, said):
    with pytest.raises(DeblurError) as error:
        peak_memory([sys.executable, "-c", program], {})
    assert said in str(error.value) and "\n" not in str(error.value) and "first" not in str(error.value)


@has_wait4
def test_a_command_that_is_not_there():
    with pytest.raises(DeblurError, match=r"could not be measured: .*nosuchcommand"):
        peak_memory(["./nosuchcommand"], {})


def test_the_paper_s_network_needs_2_5_tflop():
    assert network_flop("srn", {"kernel_size": 5}, 1280, 720) == pytest.approx(2.53e12, rel=0.002)


@pytest.mark.parametrize("recurrence", ["convlstm", "rnn", "conv", "none"])
def test_flop_are_those_of_the_layers(recurrence):
    """Counted a second way: by watching every convolution of a run."""
    config = {"channels": (4, 6, 8), "kernel_size": 3, "recurrence": recurrence}
    network = build_network("srn", config).eval()
    counted = 0

    def watch(layer, inputs, result):
        nonlocal counted
        if isinstance(layer, torch.nn.ConvTranspose2d):  # every input value meets every weight of its channel
            counted += 2 * inputs[0].numel() * layer.weight[0].numel()
        else:
            counted += 2 * result.numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            layer.register_forward_hook(watch)
    with torch.no_grad():
        network(torch.zeros(1, 3, 48, 64))
    assert network_flop("srn", config, 64, 48) == counted
    assert network_flop("srn", config, 51, 33) == counted  # what is padded is computed as well


def test_a_grey_network_runs_three_times():
    grey = network_flop("srn", {"image_channels": 1}, 64, 64)
    colour = network_flop("srn", {"image_channels": 3}, 64, 64)
    assert 2 * colour < grey < 3 * colour


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_peak_is_found_in_every_precision(dtype):
    assert 1e6 < matrix_peak(torch.device("cpu"), dtype, 0.1) < 1e18


def test_the_processor_has_a_name():
    assert processor_name().strip() == processor_name() != ""
    assert gpu_name(torch.device("cpu")) is None


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 64), (1280, 720), (2500, 30)])
def test_the_picture_is_like_a_photo(width, height):
    picture = sample_picture(width, height)
    assert picture.shape == (height, width, 3) and picture.dtype == np.uint8
    assert picture.std() > 5
    np.testing.assert_array_equal(picture, sample_picture(width, height))
    if width * height >= 64 * 64:
        photo = Photo(picture, None, "PNG")
        for format, fewest, most in (("JPEG", 2, 6), ("PNG", 6, 18)):  # bits per pixel that photos take
            assert fewest < len(encode_photo(photo, format)[0]) * 8 / (width * height) < most


def test_neighbouring_pictures_join_without_a_jump():
    picture = sample_picture(2100, 16).astype(int)
    np.testing.assert_array_equal(picture[:, 1023], picture[:, 1024])
    np.testing.assert_array_equal(picture[:, 2047], picture[:, 2048])
