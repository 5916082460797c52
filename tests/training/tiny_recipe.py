"""The quickest training there is."""

from __future__ import annotations

from deblurcli.networks.srn.network import SRNConfig
from deblurcli.training.recipe import Recipe

TINY = SRNConfig(channels=(4, 4, 4), kernel_size=3, blocks=1, global_residual=True, resize="area")
RECIPE = Recipe("tiny", network=TINY, steps=8, warmup=2, decay=3, batch=1, crop=32, precision="fp32", seed=3)
