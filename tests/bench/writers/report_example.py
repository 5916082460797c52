"""A small report with everything in it that a report can have, and names that are hard to print."""

from __future__ import annotations

import math

import numpy as np

from deblurcli.bench.results import (
    BASELINE,
    Literature,
    Method,
    Protocol,
    Published,
    Quality,
    Report,
    Score,
    Speed,
    SpeedRow,
    Timing,
)
from deblurcli.bench.writers import Viewed

HOSTILE = '<script>window.hacked = "pair"</script>'
HOSTILE_MODEL = '"><img src=x onerror="window.hacked = 1">|*m*'
PAIRS = ("street/000001", HOSTILE, '#1, "quoted"|`', "line\nbreak", "identical")
FAST = Method("srn-fast", "weights/srn-fast.safetensors", "ab" * 32, 3_763_000, "cpu", "fp32")
OTHER = Method(HOSTILE_MODEL, "models/other.safetensors", "cd" * 32, 1_000, "cpu", "fp32", tta=True)


def quality(protocol: Protocol = "pairs") -> Quality:
    """Five of 1111 pairs by three methods; the last pair is identical to the truth, before and after."""
    scores = []
    for index, pair in enumerate(PAIRS):
        for step, method in enumerate((BASELINE, FAST.name, HOSTILE_MODEL)):
            psnr = math.inf if pair == "identical" else 24 + index / 3 + step * (index - 0.5)
            ssim = 0.8 + step / 30
            scores.append(
                Score(pair, method, psnr, ssim, 0.9) if protocol == "pairs" else Score(pair, method, psnr, ms_ssim=ssim)
            )
    folders = ("GOPRO/test/blur", "GOPRO/test/<b>sharp</b>")
    return Quality("gopro", folders, 5, 5, 1111, protocol, (Method(BASELINE), FAST, OTHER), tuple(scores))


def report(protocol: Protocol = "pairs") -> Report:
    """The report."""
    rows = (
        SpeedRow(
            *("srn-fast", "ab" * 32, "cpu", "fp32", 1280, 720),
            *(Timing((2.0, 1.5, 4.0)), Timing((2.5, 3.5)), 3e11, 1e11, 1 << 30),
        ),
        SpeedRow(
            *("srn-fast", "ab" * 32, "cuda:0", "fp16", 1280, 720),
            *(Timing((0.004,)), Timing((0.05,)), 3e11, 7e14, 2 << 30, 3 << 30),
        ),
    )
    return Report(
        command="deblur bench --dataset gopro GOPRO --limit 5 # `x`",
        made="2026-03-01T12:00:00+01:00",
        versions={"deblurcli": "0.1.0", "torch": "2.9.0"},
        quality=quality(protocol),
        speed=Speed(rows, "A Processor", 2, gpu="A GPU", preset="a preset"),
        literature=(
            Literature(
                "gopro",
                "Not measured here.",
                (
                    Published("A method", "30.90", "0.9342", "1.87 s (GPU)", "A paper, Table 2"),
                    Published("Another", "28.1", None, None, "A paper, Table 3"),
                    Published("On a CPU", "29.5", "0.94", "4.0 s (CPU)", "A paper, Table 1"),
                ),
            ),
        ),
        notes=("a note",),
    )


def viewed() -> list[Viewed]:
    """Two images: a small one of a hostile name, and one of 1280x720 that changed in one place."""
    rows, columns = np.mgrid[:120, :160]
    truth = np.stack([rows * 2, columns, (rows // 8 + columns // 8) % 2 * 200], 2).astype(np.uint8)
    blurry = (truth // 2 + 40).astype(np.uint8)
    large = np.full((720, 1280, 3), 90, np.uint8)
    restored = large.copy()
    restored[600:700, 1000:1200] = np.random.default_rng(0).integers(0, 256, (100, 200, 3))
    return [
        Viewed(HOSTILE, "best", "srn-fast", blurry, truth, truth, 24.0, math.inf),
        Viewed("street/000001", "worst", HOSTILE_MODEL, large, restored, large, 24.0, 20.0),
    ]
