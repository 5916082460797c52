"""Linear recurrences in PyTorch, on any device and in any number format, without a step of Python for every place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 32  # places of a chunk: some hundreds of places take some fifty operations


def recurrence(factors: Tensor, summands: Tensor, before: Tensor | None = None) -> Tensor:
    """h[t] = factors[t] h[t - 1] + summands[t] along the first axis.

    All chunks of the axis go on together as if zeros came before each; the product of a chunk's factors so far then
    says how much of what really came before is left. Nothing is divided by, so factors may be zero or negative, and
    where none is larger than 1 neither is a product.

    Args:
        factors, summands: (T, ...).
        before: h[-1], (...); None for zeros.

    Returns:
        (T, ...).
    """
    length = len(factors)
    count = -(-length // CHUNK)
    missing = (0, 0) * (factors.ndim - 1) + (0, count * CHUNK - length)
    a, b = (F.pad(each, missing).view(count, CHUNK, *each.shape[1:]) for each in (factors, summands))
    result, products = torch.empty_like(b), torch.empty_like(a)
    result[:, 0], products[:, 0] = b[:, 0], a[:, 0]
    for place in range(1, CHUNK if count > 1 else length):
        torch.addcmul(b[:, place], a[:, place], result[:, place - 1], out=result[:, place])
        torch.mul(a[:, place], products[:, place - 1], out=products[:, place])
    for chunk in range(count):
        last = before if chunk == 0 else result[chunk - 1, -1]
        if last is not None:
            result[chunk].addcmul_(products[chunk], last)
    return result.flatten(0, 1)[:length]
