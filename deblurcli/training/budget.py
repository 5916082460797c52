"""A training that is given a time rather than a number of steps, for machines that are rented or borrowed."""

from __future__ import annotations

import re
from dataclasses import replace

from deblurcli.errors import UsageError
from deblurcli.training.recipe import Recipe

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_TIME = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")


def fitted(recipe: Recipe, step: int, spent: float, seconds: float) -> Recipe:
    """The recipe with as many steps as the time allows, and the learning rate falling over the same share of them.

    Done anew after every step, from the mean time of a step so far. What is left of the steps is then the same share
    of them as what is left of the time, so the rate is 0 when the time ends, however fast the steps become.

    Args:
        recipe: as it was written; the ratio of its `decay` to its `steps` is kept.
        step: steps done.
        spent: seconds that they took.
        seconds: for all steps together.
    """
    if not spent:  # nothing to go by yet, as also in a run that an earlier version began
        return replace(recipe, steps=max(recipe.steps, step + 1))
    steps = max(step, round(step * seconds / spent))
    return replace(recipe, steps=steps, decay=max(1, round(steps * recipe.decay / recipe.steps)))


def seconds_of(text: str) -> float:
    """Seconds of a time in hours, minutes and seconds, such as "25m", "90s" or "1h30m".

    Raises:
        UsageError: if it is none, or no time at all.
    """
    parts = re.findall(r"([\d.]+)([hms])", text) if _TIME.fullmatch(text) else []
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not total:
        raise UsageError(f"{text!r} is no time; give one such as 25m, 90s or 1h30m")
    return total
