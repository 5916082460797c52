"""Memory that runs out: at any read, at any result, at any allocation on the way."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FunctionType

import pytest
import torch
from cases import CASES, Case, every_architecture, every_case, for_tiles, is_the_whole, picture, run, whole
from failing_allocations import FailingAllocations
from image_in_memory import Memory, joined

from deblurcli.tiling.budget import FEWEST_PIXELS, PixelBudget

pytestmark = pytest.mark.usefixtures("one_thread")

PIXELS = 80 * 80  # of the budget at first; it can be halved once
SPREAD = 8  # allocations to fail, spread evenly over all
NOTHING = nullcontext()


@every_case
@torch.inference_mode()
def test_any_read_may_fail(case: Case):
    network, x = for_tiles(case), picture(case, 112, 96)
    wanted, usual = whole(network, x), Memory(x)
    run(case, network, usual, PIXELS)
    tiles = [number for number, place in enumerate(usual.reads) if place != (0, 1, 0, 1)]
    assert len(tiles) > 1
    for failing in tiles:
        source, budget = Memory(x, {failing}), PixelBudget(PIXELS)
        result = joined(case.entry.run, network, source, budget)
        assert is_the_whole(case, network, result, wanted, x), failing
        assert (budget.pixels, source.count > failing) == (PIXELS // 2, True)


@every_architecture
@torch.inference_mode()
def test_a_whole_image_that_does_not_fit_goes_in_tiles(case: Case):
    network, x = for_tiles(case), picture(case, 96, 112)
    source, budget = Memory(x, {0}), PixelBudget(96 * 112)
    assert is_the_whole(case, network, joined(case.entry.run, network, source, budget), whole(network, x), x)
    assert budget.pixels == 96 * 56


@every_architecture
@torch.inference_mode()
def test_memory_may_run_out_several_times(case: Case):
    network, x = for_tiles(case), picture(case, 96, 304)
    source, budget = Memory(x, {1, 4, 6}), PixelBudget(96 * 304 - 1)
    assert is_the_whole(case, network, joined(case.entry.run, network, source, budget), whole(network, x), x)
    assert budget.pixels == (96 * 304 - 1) // 8


def restored(
    case: Case,
    network: torch.nn.Module,
    source: Memory,
    pixels: int,
    before: Callable[[], None] = lambda: None,
    within: AbstractContextManager[object] = NOTHING,
) -> torch.Tensor:
    """The joined tiles, with `before` called ahead of each that is taken; all is restored `within` a context."""
    result = torch.full_like(source.image, float("nan"))

    def emit(top: int, left: int, tile: torch.Tensor) -> None:
        before()
        result[:, :, top : top + tile.shape[2], left : left + tile.shape[3]] = tile

    with within:
        case.entry.run(network, source, emit, PixelBudget(pixels), lambda share: None)
    return result


@pytest.mark.parametrize("pixels", [1 << 20, PIXELS], ids=["whole", "tiles"])
@every_architecture
@torch.inference_mode()
def test_taking_any_result_may_fail(case: Case, pixels: int):
    """Whoever takes it may need memory to do so."""
    network, x = for_tiles(case), picture(case, 112, 96)
    wanted = whole(network, x)
    for failing in range(100):
        calls = 0

        def fail(failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls - 1 == failing:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12 bytes.")

        result = restored(case, network, Memory(x), pixels, fail)
        assert is_the_whole(case, network, result, wanted, x), failing
        if calls <= failing:
            return
    raise AssertionError("never done")


@pytest.mark.parametrize("pixels", [1 << 20, PIXELS], ids=["whole", "tiles"])
@every_architecture
@torch.inference_mode()
def test_any_allocation_may_fail(case: Case, pixels: int):
    """Almost everywhere that is recovered from; where the features of the whole image find no room it cannot be."""
    network, x = for_tiles(case), picture(case, 96, 80)
    wanted, recovered = whole(network, x), 0
    usual = FailingAllocations()
    restored(case, network, Memory(x), pixels, within=usual)
    spread = range(0, usual.count, max(usual.count // SPREAD, 1))
    for failing in spread:
        try:
            result = restored(case, network, Memory(x), pixels, within=FailingAllocations(failing))
        except MemoryError:
            continue
        assert is_the_whole(case, network, result, wanted, x), failing
        recovered += 1
    assert recovered > len(spread) * 0.8


@pytest.mark.parametrize("pixels", [1 << 20, PIXELS], ids=["whole", "tiles"])
@every_architecture
@torch.inference_mode()
def test_features_go_with_their_last_use(case: Case, pixels: int):
    """Not when the collector of cycles comes by, which may be several windows of a large photo later."""
    network, x = for_tiles(case), picture(case, 112, 96)
    restored(case, network, Memory(x), pixels)  # what is kept for the next photo is made
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        restored(case, network, Memory(x), pixels)
        gc.collect()
        assert not [kept for kept in gc.garbage if isinstance(kept, torch.Tensor | FunctionType)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@every_case
@torch.inference_mode()
def test_where_even_the_smallest_tile_does_not_fit(case: Case):
    class Full(Memory):
        def read(self, top: int, bottom: int, left: int, right: int) -> torch.Tensor:
            if bottom - top > 1:
                raise MemoryError
            return super().read(top, bottom, left, right)

    budget = PixelBudget(1 << 20)
    with pytest.raises(MemoryError, match="smallest tile"):
        joined(case.entry.run, for_tiles(case), Full(picture(case, 64, 80)), budget)
    assert budget.pixels <= FEWEST_PIXELS


@every_case
@torch.inference_mode()
def test_other_errors_come_through(case: Case):
    def fail() -> None:
        raise RuntimeError("the disk is on fire")

    network, x = for_tiles(case), picture(case, 32, 48)
    for pixels in (1 << 20, 1):
        source = Memory(x)
        with pytest.raises(RuntimeError, match="the disk is on fire"):
            restored(case, network, source, pixels, fail)
        once = source.count
        run(case, network, source, pixels)
        assert once <= source.count - once, "it was tried again"


def test_the_whole_suite_meets_networks_that_the_compiled_library_computes():
    from deblurcli.native import library

    if library.choose_backend().name == "torch":
        pytest.skip("no native code here")
    assert any(case.entry.runs_natively(for_tiles(case)) for case in CASES)
