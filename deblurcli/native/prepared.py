"""What is made of a module's weights once, and again when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

from torch import Tensor, nn

Made = TypeVar("Made")

# Of every module, for one version of its weights.
_prepared: WeakKeyDictionary[nn.Module, tuple[tuple[object, ...], object]] = WeakKeyDictionary()


def prepared(module: nn.Module, name: str, make: Callable[[], Made]) -> Made:
    """What `make` returns for a module in the library of a name, made once unless the module's weights change."""
    key = (name, *(version_of(parameter) for parameter in module.parameters()))
    known = _prepared.get(module)
    if known is None or known[0] != key:
        known = _prepared[module] = key, make()
    return cast(Made, known[1])


def version_of(value: Tensor) -> tuple[int, int]:
    """What differs once a tensor is another one or was written to, but for inference tensors, which are not counted.

    PyTorch counts the writes for autograd and has no public way to read the count. If it went, everything on the native
    code would fail with an AttributeError, and layers would have to be prepared anew for every image.
    """
    return value.data_ptr(), 0 if value.is_inference() else value._version
