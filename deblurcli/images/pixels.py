"""The type of sample arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

#: An array of uint8 or uint16 samples, black 0 and white the largest value of the type.
Pixels: TypeAlias = NDArray[Any]
