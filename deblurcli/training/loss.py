"""The loss of a batch, summed over scales or stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """What is added up, for values in [0, 1]. At least one must be above 0.

    Attributes:
        charbonnier: of the Charbonnier loss, a mean absolute error that is smooth near zero.
        l2: of the mean squared error, which large errors govern: strong blur and high contrast.
        frequency: of the mean amplitude of the error's Fourier transform, which keeps fine structure, a small part of
            the mean error (Cho et al., "Rethinking coarse-to-fine approach in single image deblurring", ICCV 2021,
            section 3.3).
        psnr: of minus each crop's PSNR in dB. Every crop counts by the share of its error that goes away, so that those
            that are restored well are not drowned by those that never will be (the mean of PSNRs is also what is
            measured; Chen et al., "HINet", CVPR Workshops 2021, section 3.3).
        sharp_weight: how many times more (and one) a crop without blur counts than one with much, in all of the above.
            Its errors are small, so that the others would otherwise decide what happens to sharp pictures. A crop
            counts 1 + sharp_weight * c / (its own blur's mean squared error + c).
        sharp_error: that c, a mean squared error of values in [0, 1]: 1e-4 is 40 dB, hardly visible. It also is what
            `psnr` adds to each crop's error, so that one which is all but right does not count without end.
        trust: whether every prediction counts by a trust ratio in (0, 1), trained along with the network, and not all
            count the same (Zhang et al., FCN, ICBDT 2022). The ratios add up to one: free ones would all fall to zero,
            as that alone makes the loss small. They begin equal, and are in the checkpoint's account of its training.
    """

    charbonnier: float = 1.0
    l2: float = 0.0
    frequency: float = 0.02
    psnr: float = 0.0
    sharp_weight: float = 0.0
    sharp_error: float = 1e-4
    trust: bool = False


def loss_of(
    predictions: Sequence[Tensor],
    targets: Sequence[Tensor],
    blurry: Tensor,
    sharp: Tensor,
    weights: LossWeights,
    ratios: Tensor | None = None,
) -> Tensor:
    """The loss of a batch, summed over a network's predictions: scales or stages.

    Args:
        predictions: (N, C, h, w) each.
        targets: as many images of the same sizes, in [0, 1].
        blurry: (N, C, H, W) in [0, 1], what the network was shown.
        sharp: (N, C, H, W) in [0, 1], the target at full size.
        weights: of the parts of the loss.
        ratios: by which each prediction's loss counts, (predictions,); None for one each.
    """
    share = weights.sharp_error / ((blurry - sharp).square().mean((1, 2, 3)) + weights.sharp_error)
    count = 1 + weights.sharp_weight * share
    loss = sharp.new_zeros(())
    for number, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        part = sharp.new_zeros(())
        error = prediction.float() - target
        squared = error.square()
        if weights.charbonnier:
            part = part + weights.charbonnier * (count * (squared + 1e-6).sqrt().mean((1, 2, 3))).mean()
        if weights.l2:
            part = part + weights.l2 * (count * squared.mean((1, 2, 3))).mean()
        if weights.frequency:
            part = part + weights.frequency * (count * torch.fft.rfft2(error).abs().mean((1, 2, 3))).mean()
        if weights.psnr:
            decibels = 10 * (squared.mean((1, 2, 3)) + weights.sharp_error).log10()
            part = part + weights.psnr * (count * decibels).mean()
        loss = loss + (part if ratios is None else ratios[number] * part)
    return loss
