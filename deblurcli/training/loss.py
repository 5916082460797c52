"""The loss of a batch, summed over the scales."""

from __future__ import annotations

import torch
from torch import Tensor

from deblurcli.networks.srn import Resize, shrink


def multi_scale_loss(
    predictions: list[Tensor], sharp: Tensor, convention: Resize, frequency_weight: float, kind: str = "charbonnier"
) -> Tensor:
    """Charbonnier loss or mean squared error, plus the mean amplitude of the error's Fourier transform, at every scale.

    The Fourier term keeps fine structure, which is a small part of the mean error (Cho et al., "Rethinking
    coarse-to-fine approach in single image deblurring", ICCV 2021, section 3.3).

    Args:
        predictions: (N, C, h, w) of every scale, coarsest first.
        sharp: (N, C, H, W) in [0, 1], the target at full resolution.
        convention: how the target is shrunk to the coarser scales.
        frequency_weight: of the Fourier term.
        kind: "charbonnier", or "l2" as in Tao et al. 2018, section 3.4.
    """
    loss = sharp.new_zeros(())
    for level, prediction in enumerate(reversed(predictions)):
        error = prediction.float() - shrink(sharp, 2**level, convention)
        squared = error.square()
        loss = loss + (squared.mean() if kind == "l2" else (squared + 1e-6).sqrt().mean())
        if frequency_weight:
            loss = loss + frequency_weight * torch.fft.rfft2(error).abs().mean()
    return loss
