"""Finding and loading the compiled code: one shared library for each instruction set, the best one is used.

Where an instruction set multiplies bfloat16, a second library of it takes Winograd's products in that format.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from deblurcli.errors import UsageError
from deblurcli.native.processor import processor_features

FOLDER = Path(__file__).parent / "lib"
VARIABLE = "DEBLUR_ENGINE"

Products = Literal["fp32", "bf16"]

# What a processor must have, the best set first. "portable" is plain C for any processor.
INSTRUCTION_SETS: dict[str, frozenset[str]] = {
    "avx512": frozenset({"avx512f", "avx2", "fma"}),
    "avx2": frozenset({"avx2", "fma"}),
    "neon": frozenset({"asimd"}),
    "portable": frozenset(),
}
CHOICES = ("auto", "torch", *INSTRUCTION_SETS)

# The second library of an instruction set, and what a processor must have for it besides.
BF16 = {"avx512": "avx512bf16"}
BF16_NEEDS = frozenset({"avx512_bf16"})
NEEDS = {**INSTRUCTION_SETS, **{BF16[name]: INSTRUCTION_SETS[name] | BF16_NEEDS for name in BF16}}

# On what is in the first place only the portable library would be there, and PyTorch's own code is faster than that.
AUTOMATIC = ("avx512", "avx2", "neon")


@dataclass(frozen=True)
class Backend:
    """Which code computes convolutions on the CPU.

    Attributes:
        name: of an instruction set, or "torch" for PyTorch's own convolutions.
        reason: why, for a person.
    """

    name: str
    reason: str


def compiled(among: Iterable[str] = tuple(NEEDS)) -> list[str]:
    """Those of the libraries that there are, in the given order: the best instruction set's first."""
    return [name for name in among if (FOLDER / f"{name}.so").is_file()]


def compiler() -> str | None:
    """What the libraries were compiled with; None if there are none."""
    try:
        return (FOLDER / "compiler.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def choose_backend(products: Products = "fp32") -> Backend:
    """Which code to use: what $DEBLUR_ENGINE says, else the best there is.

    Args:
        products: the number format for Winograd's products.

    Raises:
        UsageError: if the variable names something that is unknown, not compiled, or not for this processor.
    """
    backend = _choose_instruction_set()
    if products == "fp32" or backend.name == "torch":
        return backend
    name = BF16.get(backend.name)
    if name is None:
        return Backend("torch", f"{backend.name} does not multiply bf16")
    if missing := NEEDS[name] - processor_features():
        return Backend("torch", f"this processor has no {', '.join(sorted(missing))}")
    if name not in compiled() or not loads(name):
        return Backend("torch", f"no native code was compiled for {name}, which older C compilers do not know")
    return Backend(name, backend.reason)


def _choose_instruction_set() -> Backend:
    wish = os.environ.get(VARIABLE) or "auto"
    if wish not in CHOICES:
        raise UsageError(f"{VARIABLE}={wish}: unknown; choose one of {', '.join(CHOICES)}")
    if wish == "torch":
        return Backend("torch", f"{VARIABLE}=torch")
    there, features = compiled(INSTRUCTION_SETS), processor_features()
    if wish != "auto":
        if wish not in there:
            raise UsageError(f"{VARIABLE}={wish}: not compiled here; choose one of {', '.join(['torch', *there])}")
        if missing := sorted(NEEDS[wish] - features):
            raise UsageError(f"{VARIABLE}={wish}: this processor has no {', '.join(missing)}; unset the variable")
        if not loads(wish):
            raise UsageError(f"{VARIABLE}={wish}: its library cannot be loaded; install deblurcli again")
        return Backend(wish, f"{VARIABLE}={wish}")
    for name in AUTOMATIC:
        if name in there and NEEDS[name] <= features and loads(name):
            return Backend(name, "the best compiled one that this processor has")
    if there and NEEDS[there[0]] <= features and not loads(there[0]):
        return Backend("torch", f"the library {FOLDER / there[0]}.so cannot be loaded; install deblurcli again")
    if not there:
        return Backend("torch", "this installation has no compiled code: no C compiler, or a wheel without")
    return Backend("torch", f"no native code for this processor ({platform.machine()}) that is faster")


@cache
def loads(name: str) -> bool:
    """Whether a library can be loaded: one that was copied from another system may be there and of no use."""
    try:
        load_library(name)
    except (OSError, AttributeError):
        return False
    return True


@cache
def load_library(name: str) -> ctypes.CDLL:
    """The library of an instruction set. Raises OSError if it cannot be loaded."""
    library = ctypes.CDLL(str(FOLDER / f"{name}.so"))
    numbers = ("lanes", "panel", "side", "channels_per_word")
    sizes = (f"{layer}_scratch" for layer in ("winograd", "direct", "mixing", "pointwise", "resize"))
    for function in (*numbers, *sizes, "gathered_pieces"):
        getattr(library, f"deblur_{function}").restype = ctypes.c_int64
    return library


@cache
def openmp() -> int | None:
    """The address of `GOMP_parallel` in the OpenMP runtime that PyTorch has loaded; None if it has another one."""
    try:
        function = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):
        return None
    return ctypes.cast(function, ctypes.c_void_p).value
