"""The loss of a batch, summed over the scales."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deblurcli.networks.srn import Resize, shrink


@dataclass(frozen=True)
class LossWeights:
    """What is added up, for values in [0, 1]. At least one must be above 0.

    Attributes:
        charbonnier: of the Charbonnier loss, a mean absolute error that is smooth near zero.
        l2: of the mean squared error, which large errors govern: strong blur and high contrast.
        frequency: of the mean amplitude of the error's Fourier transform, which keeps fine structure, a small part of
            the mean error (Cho et al., "Rethinking coarse-to-fine approach in single image deblurring", ICCV 2021,
            section 3.3).
        mild: how many times more (and one) a crop without blur counts than one with much, in all of the above. Its
            errors are small, so that the others would otherwise decide what happens to sharp pictures. A crop counts
            1 + mild * c / (its own blur's mean squared error + c), with c of 40 dB.
    """

    charbonnier: float = 1.0
    l2: float = 0.0
    frequency: float = 0.02
    mild: float = 0.0


MILD = 1e-4  # mean squared error in [0, 1], 40 dB: hardly visible


def multi_scale_loss(
    predictions: list[Tensor], blurry: Tensor, sharp: Tensor, convention: Resize, weights: LossWeights
) -> Tensor:
    """The loss at every scale, as in Tao et al. 2018, section 3.4 (there of the squared error alone).

    Args:
        predictions: (N, C, h, w) of every scale, coarsest first.
        blurry: (N, C, H, W) in [0, 1], what the network was shown.
        sharp: (N, C, H, W) in [0, 1], the target at full resolution.
        convention: how the target is shrunk to the coarser scales.
        weights: of the parts of the loss.
    """
    count = 1 + weights.mild * MILD / ((blurry - sharp).square().mean((1, 2, 3)) + MILD)
    loss = sharp.new_zeros(())
    for level, prediction in enumerate(reversed(predictions)):
        error = prediction.float() - shrink(sharp, 2**level, convention)
        squared = error.square()
        if weights.charbonnier:
            loss = loss + weights.charbonnier * (count * (squared + 1e-6).sqrt().mean((1, 2, 3))).mean()
        if weights.l2:
            loss = loss + weights.l2 * (count * squared.mean((1, 2, 3))).mean()
        if weights.frequency:
            loss = loss + weights.frequency * (count * torch.fft.rfft2(error).abs().mean((1, 2, 3))).mean()
    return loss
