"""NAFNet, a network without activation functions (Chen et al., ECCV 2022)."""

from deblurcli.networks.base import Architecture, Tiling
from deblurcli.networks.nafnet.network import NAFNet, NAFNetConfig
from deblurcli.networks.nafnet.recognise import SIGNATURE, read_config
from deblurcli.networks.nafnet.sweep import bytes_per_pixel, restore

ARCHITECTURE = Architecture(
    title="NAFNet",
    config=NAFNetConfig,
    build=NAFNet,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=bytes_per_pixel,
    restore=restore,
    tiling=Tiling("exact", 1e-5),
)
