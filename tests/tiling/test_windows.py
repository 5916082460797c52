"""Overlapping windows: they cover the image, fade into each other, and give way when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deblurcli.tiling.budget import PixelBudget
from deblurcli.tiling.windows import Windows, axis_weights, axis_windows, restore_in_windows

CPU = torch.device("cpu")
Network = Callable[[Tensor], list[Tensor]]


class Image:
    """A random image as a source; its reads."""

    def __init__(self, height: int, width: int, n: int = 1) -> None:
        generator = torch.Generator().manual_seed(0)
        coarse = torch.rand(n, 3, height // 8 + 2, width // 8 + 2, generator=generator)
        self.pixels = F.interpolate(coarse, scale_factor=8, mode="bicubic")[:, :, :height, :width].clamp(0, 1)
        self.height, self.width = height, width

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        return self.pixels[:, :, top:bottom, left:right]


def restored(
    network: Network, image: Image, pixels: int, side: int | None = None, multiple: int = 8
) -> tuple[Tensor, PixelBudget]:
    result, budget, shares = torch.full_like(image.pixels, float("nan")), PixelBudget(pixels), [0.0]

    def emit(top: int, left: int, part: Tensor) -> None:
        assert part.dtype == torch.float32
        result[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part

    restore_in_windows(network, CPU, multiple, image, emit, budget, shares.append, side)
    assert shares[-1] == 1 and shares == sorted(shares)
    return result, budget


def blurred(x: Tensor) -> list[Tensor]:
    """A local network."""
    return [F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)]


def from_everywhere(x: Tensor) -> list[Tensor]:
    """A network with global reach: every window's result is shifted by its own mean and spread."""
    return [x + 0.5 * x.mean((1, 2, 3), keepdim=True) + 0.2 * x.std()]


@pytest.mark.parametrize("multiple", [1, 8, 64])
@pytest.mark.parametrize("units", [1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 40, 131])
@pytest.mark.parametrize("side", [4, 5, 8, 12])
def test_windows_cover_an_axis(units: int, side: int, multiple: int) -> None:
    length, side = units * multiple, side * multiple
    windows = axis_windows(length, side, multiple)
    assert all(place % multiple == 0 for window in windows for place in window)
    assert (windows[0][0], windows[-1][1]) == (0, length)
    shared = {earlier[1] - later[0] for earlier, later in pairwise(windows)}
    assert all(min(side // 4, 128) <= each < min(side // 4, 128) + multiple for each in shared)
    lengths = {end - start for start, end in windows}
    assert max(lengths) <= side and max(lengths) - min(lengths) <= multiple  # evenly
    total = torch.zeros(length)
    for (start, end), weights in zip(windows, axis_weights(windows), strict=True):
        assert weights.min() > 0
        total[start:end] += weights
    torch.testing.assert_close(total, torch.ones(length))


def test_a_little_more_than_a_window_is_not_computed_twice() -> None:
    assert sum(end - start for start, end in axis_windows(576, 512, 64)) == 576 + 128


def test_windows_of_a_local_network_are_the_whole_image() -> None:
    image = Image(120, 200)
    result, _ = restored(blurred, image, 64 * 64)
    # Only at windows' edges is the result another one, where its weight is small.
    assert (result - blurred(image.pixels)[0]).abs().max() < 2e-3


def test_a_small_image_is_one_window() -> None:
    image, shapes = Image(24, 40), []

    def network(x: Tensor) -> list[Tensor]:
        shapes.append(tuple(x.shape))
        return from_everywhere(x)

    result, _ = restored(network, image, 64 * 64, side=64)
    assert shapes == [(1, 3, 24, 40)]
    torch.testing.assert_close(result, from_everywhere(image.pixels)[0])


def test_fixed_windows_do_not_depend_on_the_budget() -> None:
    image, shapes = Image(96, 200, n=2), []

    def network(x: Tensor) -> list[Tensor]:
        shapes.append(tuple(x.shape))
        return [each + each.mean((1, 2, 3), keepdim=True) for each in (x,)]

    one, _ = restored(network, image, 64 * 64, side=64)
    assert {shape[0] for shape in shapes} == {2}
    shapes.clear()
    many, _ = restored(network, image, 3 * 64 * 64, side=64)
    assert max(shape[0] for shape in shapes) == 6  # three windows of both images at a time
    torch.testing.assert_close(many, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", [None, 64])
def test_steps_across_windows_edges_are_none(side: int | None) -> None:
    """What the windows do differently goes over from one to the next, without a step where one of them ends."""
    image = Image(160, 256)
    result, _ = restored(from_everywhere, image, 64 * 64, side)
    added = result - image.pixels  # constant in each window
    windows = Windows(from_everywhere, CPU, image, 64, 8, PixelBudget(64 * 64))
    for dim, spans in ((2, windows.rows), (3, windows.columns)):
        steps = added.diff(dim=dim).abs().amax([other for other in range(4) if other != dim])
        edges = {edge for span in spans for edge in span if 0 < edge < added.shape[dim]}
        at_edges = steps[[edge - 1 for edge in edges]]
        assert len(edges) >= 4 and 0 < at_edges.max() < 0.5 * steps.max()
    # And a seam would be seen: without the fades the whole difference would lie in one step.
    assert added.diff(dim=3).abs().max() < 0.1 * (added.max() - added.min())


@pytest.mark.parametrize("fails", [{0}, {1}, {1, 2}, {0, 2, 3}])
@pytest.mark.parametrize("side", [None, 128])
def test_after_memory_ran_out(fails: set[int], side: int | None) -> None:
    image, calls = Image(192, 400), []

    def network(x: Tensor) -> list[Tensor]:
        calls.append(tuple(x.shape))
        if len(calls) - 1 in fails:
            raise torch.OutOfMemoryError("out of memory")
        return blurred(x)

    result, budget = restored(network, image, 3 * 128 * 128, side)
    assert budget.pixels < 3 * 128 * 128
    assert (result - blurred(image.pixels)[0]).abs().max() < 2e-2
    failed, after = calls[max(fails)], calls[max(fails) + 1]
    assert after[0] * after[2] * after[3] < failed[0] * failed[2] * failed[3]


def test_fewer_windows_at_a_time_go_on_where_the_others_failed() -> None:
    image, done = Image(96, 400), []

    def network(x: Tensor) -> list[Tensor]:
        if x.shape[0] > 1:
            raise torch.OutOfMemoryError("out of memory")
        done.append(x)
        return blurred(x)

    restored(network, image, 5 * 64 * 64, side=64)
    windows = Windows(network, CPU, image, 64, 8, PixelBudget(1))
    assert len(done) == len(windows.rows) * len(windows.columns)


def test_a_network_that_never_fits() -> None:
    def network(x: Tensor) -> list[Tensor]:
        raise torch.OutOfMemoryError("out of memory")

    for side in (None, 64):
        with pytest.raises(MemoryError, match="not enough memory for the smallest tile of this image"):
            restored(network, Image(96, 200), 3 * 64 * 64, side)


def test_other_errors_come_through() -> None:
    def network(x: Tensor) -> list[Tensor]:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        restored(network, Image(96, 200), 64 * 64)


def test_results_of_one_row_of_windows_are_kept() -> None:
    """The network's own memory aside: a tall image takes no more than a short one."""
    seen = []

    class Rows(Windows):
        def row(self, index: int, advance: Callable[[float], None]) -> Tensor:
            rows = super().row(index, advance)
            seen.append(rows.shape[2])
            return rows

    image = Image(640, 64)
    parts: list[tuple[int, int]] = []
    Rows(blurred, CPU, image, 64, 8, PixelBudget(64 * 64)).run(
        lambda top, left, part: parts.append((top, part.shape[2])), lambda share: None
    )
    assert set(seen) == {64}
    assert [top for top, _ in parts] == [0, *(top + height for top, height in parts)][:-1]  # one below the other
    assert sum(height for _, height in parts) == 640


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 1000), (1000, 8), (72, 64)])
def test_narrow_images(height: int, width: int) -> None:
    image = Image(height, width)
    for side in (None, 64):
        result, _ = restored(blurred, image, 64 * 64, side)
        assert (result - blurred(image.pixels)[0]).abs().max() < 2e-2
