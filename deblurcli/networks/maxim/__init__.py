"""MAXIM, one to three encoder-decoders of multi-axis gated MLPs (Tu et al., CVPR 2022)."""

import torch

from deblurcli.networks.base import Architecture, Tiling
from deblurcli.networks.maxim.inference import WINDOW, restore
from deblurcli.networks.maxim.native_blocks import runs_natively
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig, targets
from deblurcli.networks.maxim.recognise import SIGNATURE, read_config

ARCHITECTURE = Architecture(
    title="MAXIM",
    config=MAXIMConfig,
    build=MAXIM,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=lambda config: 20 * config.features,
    restore=restore,
    # Measured between 0.002 and 0.007 on GoPro's pairs, in windows of 256 to 768 (benchmarks/windows.py): another
    # answer more than a worse one, as the grid of a window is finer than that of the whole image.
    tiling=Tiling("approximate", 0.01),
    window=WINDOW,
    cpu_pixels=WINDOW * WINDOW,
    runs_natively=runs_natively,
    targets=targets,
    # On 13 pairs maxim-fast gains 3.67 dB in float32 and in bfloat16 (weights/maxim-fast.md).
    trusted=frozenset({torch.bfloat16}),
)
