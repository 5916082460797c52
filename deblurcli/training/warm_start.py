"""Beginning with the weights of a smaller network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.errors import UsageError


def fitted(state: Mapping[str, Tensor], network: nn.Module, source: Path) -> dict[str, Tensor]:
    """The weights in `network`'s shapes: kernels of 3x3 become the middle of those of 5x5, with zeros around.

    The network then computes what the smaller one did: the padding of every convolution grows along with its kernel.

    Args:
        state: weights of the same layers with the same channels, kernels as large or smaller by an even number.
        network: gives the shapes.
        source: named in errors.

    Raises:
        UsageError: if another difference than that of the kernels lies between the two.
    """
    result = {}
    for name, wanted in network.state_dict().items():
        value = state.get(name)
        if value is None or value.ndim != wanted.ndim or value.shape[:2] != wanted.shape[:2]:
            raise UsageError(f"{source}: cannot begin with these weights, {name} does not fit the recipe's network")
        missing = [want - have for want, have in zip(wanted.shape[2:], value.shape[2:], strict=True)]
        if any(amount < 0 or amount % 2 for amount in missing):
            raise UsageError(f"{source}: cannot begin with these weights, the kernel of {name} is larger or uneven")
        margins = [amount // 2 for amount in reversed(missing) for _ in range(2)]
        result[name] = F.pad(value, margins)
    if extra := sorted(set(state) - set(result)):
        raise UsageError(f"{source}: cannot begin with these weights, {extra[0]} is not in the recipe's network")
    return result
