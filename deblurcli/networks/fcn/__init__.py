"""FCN, the feature catcher (Zhang et al., ICBDT 2022)."""

from deblurcli.networks.base import Architecture
from deblurcli.networks.fcn.network import FCN, FCNConfig, targets
from deblurcli.networks.fcn.recognise import SIGNATURE, read_config

ARCHITECTURE = Architecture(
    title="FCN",
    config=FCNConfig,
    build=FCN,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=lambda config: 25 * config.width,  # measured as the peak of 256x256 with the published settings
    targets=targets,
)
