"""The weighted mean of checkpoints of one training: later stages fit the training scenes more and more closely, and the
mean with an earlier one keeps more of what that one did elsewhere.

Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, arXiv 2109.01903.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from deblurcli.digest import sha256_of
from deblurcli.errors import UsageError
from deblurcli.models.checkpoint import ModelInfo, load_checkpoint, save_checkpoint
from deblurcli.training.warm_start import fitted


def average(parts: Sequence[tuple[Path, float]], output: Path) -> ModelInfo:
    """Write the weighted mean of checkpoints, in float16; name, network and licence are those of the last one.

    Args:
        parts: checkpoints and their weights, which are divided by their sum. Kernels may be smaller than the last
            one's; they are then surrounded by zeros.
        output: the file to write.

    Raises:
        UsageError: if the networks differ in more than their kernels, or a weight is not above 0.
        WeightsUnavailable, WeightsDamaged: if one cannot be read.
        OutputError: if the result cannot be written.
    """
    whole = sum(weight for _, weight in parts)
    if len(parts) < 2 or not all(weight > 0 for _, weight in parts):
        raise UsageError("a mean takes at least two checkpoints, each with a weight above 0")
    last, info = load_checkpoint(parts[-1][0])
    total = {name: torch.zeros_like(value) for name, value in last.state_dict().items()}
    for path, weight in parts:
        for name, value in fitted(load_checkpoint(path)[0].state_dict(), last, path).items():
            total[name] += value * (weight / whole)
    sources = [{"file": path.name, "sha256": sha256_of(path), "weight": weight / whole} for path, weight in parts]
    info = replace(info, training={**info.training, "mean_of": sources})
    save_checkpoint(output, {name: value.half() for name, value in total.items()}, info)
    return info
