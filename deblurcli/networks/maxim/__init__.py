"""MAXIM, one to three encoder-decoders of multi-axis gated MLPs (Tu et al., CVPR 2022)."""

from deblurcli.networks.base import Architecture
from deblurcli.networks.maxim.inference import restore
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig, targets
from deblurcli.networks.maxim.recognise import SIGNATURE, read_config

ARCHITECTURE = Architecture(
    title="MAXIM",
    config=MAXIMConfig,
    build=MAXIM,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=lambda config: 32 * config.features,  # the peak of 768x1280 pixels, eager
    restore=restore,
    cpu_pixels=512 * 512,
    targets=targets,
)
