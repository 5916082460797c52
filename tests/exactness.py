"""How far a result is from what is wanted; what is not a number is infinitely far."""

from __future__ import annotations

import torch


def relative(result: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference as a share of the wanted values' spread."""
    return float((result - wanted).abs().nan_to_num(nan=float("inf")).max() / wanted.std())


def psnr(result: torch.Tensor, wanted: torch.Tensor) -> float:
    """In dB, for the range of the wanted values."""
    error = (result - wanted).double().square().mean().nan_to_num(nan=float("inf"))
    return float(10 * torch.log10((wanted.max() - wanted.min()).double() ** 2 / error))
