"""MAXIM, one to three encoder-decoders of multi-axis gated MLPs (Tu et al., CVPR 2022)."""

from deblurcli.networks.base import Architecture
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
    window=WINDOW,
    cpu_pixels=WINDOW * WINDOW,
    runs_natively=runs_natively,
    targets=targets,
)
