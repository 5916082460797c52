"""MAXIM, an encoder-decoder of multi-axis gated MLPs, one to three times over (Tu et al., CVPR 2022)."""

from deblurcli.networks.base import Architecture
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig, targets
from deblurcli.networks.maxim.recognise import SIGNATURE, read_config


def bytes_per_pixel(config: MAXIMConfig) -> int:
    """Memory of an image that runs at once, per pixel and byte of the number format: 22 to 34 x features measured."""
    return 36 * config.features


ARCHITECTURE = Architecture(
    title="MAXIM",
    config=MAXIMConfig,
    build=MAXIM,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=bytes_per_pixel,
    targets=targets,
)
