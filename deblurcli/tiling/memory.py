"""Running out of memory, as a value: what is tried either has a result or did not fit."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Literal, TypeVar

import torch

from deblurcli.tiling.budget import PixelBudget

ResultT = TypeVar("ResultT")


class _Failure(Enum):
    OUT_OF_MEMORY = "out of memory"


OUT_OF_MEMORY: Final = _Failure.OUT_OF_MEMORY


def attempt(run: Callable[[], ResultT]) -> ResultT | Literal[_Failure.OUT_OF_MEMORY]:
    """What `run` returns, or OUT_OF_MEMORY if torch or Python had too little of it, in main memory or on a device.

    By then all that the failed attempt held is given back.

    Raises:
        Exception: any other error of `run`.
    """
    try:
        return run()
    except (RuntimeError, MemoryError) as error:
        if not _ran_out(error):
            raise
    # After the handler: the error's traceback kept the tensors of the attempt alive until here.
    torch.cuda.empty_cache()  # does nothing without CUDA
    return OUT_OF_MEMORY


def as_memory_error(run: Callable[[], None]) -> None:
    """Run what has no way to go on with less: torch's own errors become Python's.

    Raises:
        MemoryError: if torch or Python had too little memory, in main memory or on a device.
        Exception: any other error of `run`.
    """
    try:
        run()
        return
    except RuntimeError as error:
        if not _ran_out(error):
            raise
    raise MemoryError("not enough memory for this image")


def until_done(budget: PixelBudget, step: Callable[[], bool]) -> None:
    """The loop around everything that may not fit: call `step` until it returns False, and halve the budget whenever
    memory runs out in it.

    A step does as much as the budget allows and remembers by itself what is finished, so that it can be called again
    after it failed.

    Raises:
        MemoryError: if even the smallest tiles do not fit.
    """
    more: bool | _Failure = True
    while more:
        more = attempt(step)
        if more is OUT_OF_MEMORY and not budget.halve():
            raise MemoryError("not enough memory for the smallest tile of this image")


def _ran_out(error: BaseException) -> bool:
    """Whether torch or Python ran out of memory; torch has no error class of its own for the CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    signs = ("allocate memory", "out of memory", "bad_alloc")  # the last is C++'s; below: oneDNN's
    return any(sign in text for sign in signs) or text.endswith("could not create a primitive")
