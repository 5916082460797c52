"""SRN, the scale-recurrent network (Tao et al., CVPR 2018)."""

from deblurcli.networks.base import Architecture, Tiling
from deblurcli.networks.srn.initialise import glorot, he
from deblurcli.networks.srn.native_scale import runs_natively
from deblurcli.networks.srn.network import SRN, SRNConfig, targets
from deblurcli.networks.srn.recognise import SIGNATURE, read_config
from deblurcli.networks.srn.streaming import restore

ARCHITECTURE = Architecture(
    title="SRN",
    config=SRNConfig,
    build=SRN,
    signature=SIGNATURE,
    read_config=read_config,
    # Measured as the peak of 0.9 megapixels with the default settings, and of 0.15 with SR-RB's.
    bytes_per_pixel=lambda config: 1800 if config.structure == "flat" else 550,
    restore=restore,
    tiling=Tiling("exact", 1e-5),
    initialise={"he": he, "xavier": glorot},
    targets=targets,
    runs_natively=runs_natively,
)
