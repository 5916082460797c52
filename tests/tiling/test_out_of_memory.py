from __future__ import annotations

import pytest
import torch

from deblurcli.tiling.budget import FEWEST_PIXELS, PixelBudget
from deblurcli.tiling.memory import OUT_OF_MEMORY, as_memory_error, attempt, until_done


def test_an_allocation_that_fails_is_a_value():
    assert attempt(lambda: torch.empty(1 << 55, dtype=torch.uint8)) is OUT_OF_MEMORY
    assert attempt(lambda: bytearray(1 << 60)) is OUT_OF_MEMORY
    assert attempt(lambda: "done") == "done"


def test_other_errors_come_through():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        attempt(lambda: torch.ones(2, 3) @ torch.ones(2, 3))


def test_what_cannot_go_on_with_less_is_a_memory_error():
    with pytest.raises(MemoryError, match="not enough memory for this image"):
        as_memory_error(lambda: torch.empty(1 << 55, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        as_memory_error(lambda: torch.ones(2, 3) @ torch.ones(2, 3))


def test_a_step_is_tried_again_with_a_smaller_budget():
    budget, seen = PixelBudget(4 * FEWEST_PIXELS), []

    def step() -> bool:
        seen.append(budget.pixels)
        if len(seen) == 2:
            raise MemoryError
        return len(seen) < 4

    until_done(budget, step)
    assert seen == [4 * FEWEST_PIXELS, 4 * FEWEST_PIXELS, 2 * FEWEST_PIXELS, 2 * FEWEST_PIXELS]


def test_even_the_smallest_tile_may_not_fit():
    def step() -> bool:
        raise MemoryError

    budget = PixelBudget(4 * FEWEST_PIXELS)
    with pytest.raises(MemoryError, match="not enough memory for the smallest tile of this image"):
        until_done(budget, step)
    assert budget.pixels == FEWEST_PIXELS
