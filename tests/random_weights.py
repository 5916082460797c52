"""Random convolutions whose results are about as large as what goes in."""

from __future__ import annotations

import torch


def weights(outputs: int, inputs: int, kernel: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(K, C, k, k) and (K,)."""
    return torch.randn(outputs, inputs, kernel, kernel) / inputs**0.5 / kernel, torch.randn(outputs)
