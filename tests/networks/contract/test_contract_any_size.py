"""Photos of any size, from one pixel up, through the front door."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import Case, change_of, every_architecture, exact, make

from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("error")]

SIZES = [(1, 1), (1, 9), (9, 1), (2, 17), (17, 33), (40, 16), (3, 260), (260, 3), (16, 320), (320, 16), (101, 67)]


@pytest.fixture
def path(case: Case, tmp_path: Path) -> Path:
    """A checkpoint of a network that changes its input a little."""
    path = tmp_path / "small.safetensors"
    info = ModelInfo(case.architecture, asdict(case.config), "small")
    save_checkpoint(path, make(case, change_of(case)).state_dict(), info)
    return path


def photo(height: int, width: int) -> np.ndarray:
    """Noise between 0.2 and 0.8, (height, width, 3) float32."""
    return np.random.default_rng(7).uniform(0.2, 0.8, (height, width, 3)).astype(np.float32)


def by_hand(case: Case, network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """The whole photo at once, padded by mirroring it, back and forth where there is little of it."""
    for axis in (0, 1):
        extra = -pixels.shape[axis] % case.multiple
        pad = [(0, extra if axis == other else 0) for other in range(3)]
        pixels = np.pad(pixels, pad, mode="reflect")
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return network(x)[-1][0].permute(1, 2, 0).clamp(0, 1).numpy()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@every_architecture
def test_the_result_is_the_networks(case: Case, path: Path, size: tuple[int, int]):
    pixels, deblur = photo(*size), Deblurrer(path, "cpu", "fp32")
    result, wanted = deblur(pixels), by_hand(case, deblur.network, pixels)[: size[0], : size[1]]
    assert result.shape == pixels.shape and result.dtype == np.float32
    np.testing.assert_allclose(result, wanted, rtol=0, atol=1e-5)
    assert not np.array_equal(result, pixels)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@every_architecture
def test_tiles_of_any_size_are_what_is_declared(case: Case, path: Path, size: tuple[int, int]):
    pixels = (photo(*size) * 65535).astype(np.uint16)
    whole = Deblurrer(path, "cpu", "fp32", part_pixels=1 << 20)(pixels)
    for part in (1, 2000):
        found = Deblurrer(path, "cpu", "fp32", part_pixels=part)(pixels)
        difference = np.abs(found.astype(float) - whole)
        assert difference.max() <= 1 or not exact(case)
        assert difference.mean() / 65535 <= case.entry.tiling.bound + 1 / 65535


@pytest.mark.parametrize("precision", ["bf16", "fp16", "auto"])
@every_architecture
def test_a_precision_that_is_asked_for_is_used(case: Case, path: Path, precision: str):
    """And stays within the network's own change of float32; what "auto" takes within one level."""
    pixels = (photo(48, 64) * 255).round().astype(np.uint8)
    deblur = Deblurrer(path, "cpu", precision)
    if precision != "auto":
        assert deblur.precision == precision
        assert {value.dtype for value in deblur.network.parameters()} == {deblur.dtype}
    difference = np.abs(deblur(pixels).astype(int) - Deblurrer(path, "cpu", "fp32")(pixels))
    assert difference.max() <= (1 if precision == "auto" else 5)
