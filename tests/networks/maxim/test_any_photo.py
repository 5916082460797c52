"""MAXIM on photos of any size, as a user has it: no seams, no failures, whatever there is of memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from image_in_memory import Memory, joined

from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from deblurcli.models.importers.tensorflow import import_tensorflow
from deblurcli.networks.maxim import ARCHITECTURE
from deblurcli.networks.maxim.inference import WINDOW, pictures
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig
from deblurcli.restore.deblurrer import Deblurrer
from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.windows import axis_windows, restore_in_windows

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = MAXIMConfig(features=4, sizes=(4, 2, 2), groups=1, bottleneck_blocks=1, stages=1)
MULTIPLE = TINY.size_multiple
SIDE = 256  # of windows, which are cut as the network's own are, and quicker


def in_windows(network: MAXIM, source: Source, emit: Emit, budget: PixelBudget, advance: Advance) -> None:
    """`maxim.inference.restore` with smaller windows."""
    multiple = network.config.size_multiple
    restore_in_windows(partial(pictures, network), network.device, multiple, source, emit, budget, advance, SIDE)


@pytest.fixture
def network() -> MAXIM:
    """With random weights, which alter the photo a little."""
    torch.manual_seed(0)
    network = MAXIM(TINY).eval().requires_grad_(False)
    for parameter in network.stages[0].pictures.parameters():
        parameter *= 0.1
    return network


@pytest.fixture
def checkpoint(network: MAXIM, tmp_path: Path) -> Callable[..., Path]:
    """(change) -> a file of the network, after `change(network)`."""

    def save(change: Callable[[MAXIM], object] = lambda network: None) -> Path:
        change(network)
        path = tmp_path / "tiny.safetensors"
        save_checkpoint(path, network.state_dict(), ModelInfo("maxim", asdict(network.config), "tiny"))
        return path

    return save


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: smooth shades and some noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 32 + 2, width // 32 + 2, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, scale_factor=32, mode="bicubic")[0, :, :height, :width]
    noisy = smooth + 0.03 * torch.randn(smooth.shape, generator=generator)
    return (noisy.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (2, 3), (5, 64), (63, 65), (1, 700)])
@pytest.mark.parametrize("tta", [False, True])
def test_any_size(checkpoint: Callable[..., Path], size: tuple[int, int], tta: bool) -> None:
    deblur, pixels = Deblurrer(checkpoint(), "cpu", tta=tta), photo(*size)
    restored = deblur.restore(pixels)
    assert restored.pixels.shape == pixels.shape and restored.pixels.dtype == np.uint8
    assert restored.kept < 1
    grey = deblur.restore(pixels[:, :, 0].astype(np.uint16) * 257)
    assert grey.pixels.shape == size and grey.pixels.dtype == np.uint16


def test_the_edge_is_reflected(checkpoint: Callable[..., Path], network: MAXIM) -> None:
    """An image that is no multiple of the network's sizes is the corner of its reflection's result."""
    pixels = photo(21, 30)
    larger = np.pad(pixels, ((0, -21 % MULTIPLE), (0, -30 % MULTIPLE), (0, 0)), "reflect")
    with torch.inference_mode():
        wanted = network(as_tensor(larger))[-1][0, :, :21, :30].permute(1, 2, 0).clamp(0, 1) * 255
    result = Deblurrer(checkpoint(), "cpu", "fp32")(pixels)
    assert np.abs(result - wanted.numpy()).max() < 0.51


def test_what_fits_in_a_window_is_the_networks_own_result(checkpoint: Callable[..., Path], network: MAXIM) -> None:
    pixels = photo(3 * MULTIPLE, WINDOW)
    with torch.inference_mode():
        wanted = network(as_tensor(pixels))[-1][0].permute(1, 2, 0).clamp(0, 1) * 255
    assert np.abs(Deblurrer(checkpoint(), "cpu", "fp32")(pixels) - wanted.numpy()).max() < 0.51


@pytest.mark.parametrize("parts", [2, 40])
def test_a_larger_budget_changes_nothing(network: MAXIM, parts: int) -> None:
    image = as_tensor(photo(SIDE + 104, SIDE + 200))
    one, many = (
        joined(in_windows, network, Memory(image), PixelBudget(pixels)) for pixels in (SIDE**2, parts * SIDE**2)
    )
    torch.testing.assert_close(many, one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fails", [{0}, {1}, {0, 1, 2}])
def test_after_memory_ran_out(network: MAXIM, fails: set[int]) -> None:
    image = as_tensor(photo(SIDE + 104, SIDE + 200))
    with torch.inference_mode():
        whole = pictures(network, image)[-1]
    wanted = joined(in_windows, network, Memory(image), PixelBudget(SIDE**2))
    source, budget = Memory(image, fails), PixelBudget(SIDE**2)
    result = joined(in_windows, network, source, budget)
    assert source.largest < SIDE**2 and budget.pixels < SIDE**2
    # Another answer, as windows are, but one of the same kind.
    assert (result - whole).abs().mean() < 3 * (wanted - whole).abs().mean() + 1e-3


def test_where_the_network_fails_the_photo_is_kept(checkpoint: Callable[..., Path]) -> None:
    pixels = photo(SIDE, 40)
    broken = checkpoint(lambda network: network.stages[0].pictures[0].weight.fill_(3e38))
    restored = Deblurrer(broken, "cpu").restore(pixels)
    assert restored.kept == 1
    np.testing.assert_array_equal(restored.pixels, pixels)


def seams(network: MAXIM, image: torch.Tensor) -> tuple[float, float]:
    """What windows change against the whole image's result: the largest mean step of that across a window's edge, and
    across any column or row between."""
    multiple = network.config.size_multiple
    with torch.inference_mode():
        change = joined(in_windows, network, Memory(image), PixelBudget(SIDE**2)) - pictures(network, image)[-1]
    assert change.abs().mean() > 1e-6  # windows are another answer
    at_edges, inside = 0.0, 0.0
    for dim in (2, 3):
        windows = axis_windows(image.shape[dim], SIDE, multiple)
        edges = [edge for window in windows for edge in window if 0 < edge < image.shape[dim]]
        steps = change.diff(dim=dim).abs().mean([other for other in range(4) if other != dim])
        between = torch.ones(len(steps), dtype=torch.bool)
        between[[edge - 1 for edge in edges]] = False
        if edges:
            at_edges = max(at_edges, float(steps[~between].max()))
            inside = max(inside, float(steps[between].max()))
    return at_edges, inside


def test_no_seams(network: MAXIM) -> None:
    at_edges, inside = seams(network, as_tensor(photo(SIDE + 104, 2 * SIDE)))
    assert 0 < at_edges <= inside


def test_no_seams_with_the_real_weights(maxim_model: Path, tmp_path: Path) -> None:
    import_tensorflow(maxim_model, tmp_path / "first.safetensors", stages=1)
    network, _ = load_checkpoint(tmp_path / "first.safetensors")
    assert isinstance(network, MAXIM)
    at_edges, inside = seams(network, as_tensor(photo(192, 2 * SIDE)))
    assert 0 < at_edges <= inside


def test_real_weights_a_piece_at_a_time(maxim_model: Path, shared: Path, tmp_path: Path) -> None:
    """As exact as the network itself beside the authors' own: all three stages."""
    import_tensorflow(maxim_model, tmp_path / "whole.safetensors")
    network, _ = load_checkpoint(tmp_path / "whole.safetensors")
    assert isinstance(network, MAXIM)
    oracle = np.load(shared / "oracle" / "maxim" / "128x192.npz")
    with torch.inference_mode():
        results = pictures(network, torch.from_numpy(oracle["input"]).permute(0, 3, 1, 2))
    for stage, result in enumerate(results, 1):
        wanted = torch.from_numpy(oracle[f"stage{stage}"]).permute(0, 3, 1, 2)
        assert (result - wanted).abs().max() < 2e-5


def test_what_is_stated_of_it() -> None:
    assert ARCHITECTURE.tiling.kind == "approximate"
    assert ARCHITECTURE.runs_whole(768, 1280) and not ARCHITECTURE.runs_whole(WINDOW, WINDOW + 64)
