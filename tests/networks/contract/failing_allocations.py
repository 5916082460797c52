"""Running out of memory at a chosen allocation of PyTorch's."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class FailingAllocations(TorchDispatchMode):
    """While it is entered, the operation of this number that makes a new tensor fails as on a full machine.

    Attributes:
        count: such operations so far.
    """

    def __init__(self, failing: int | None = None) -> None:
        super().__init__()
        self.failing, self.count = failing, 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(result.alias_info is None for result in operation._schema.returns):  # neither a view nor in place
            self.count += 1
            if self.count - 1 == self.failing:
                raise torch.OutOfMemoryError("out of memory, tried to allocate 2.00 GiB")
        return operation(*args, **(kwargs or {}))
