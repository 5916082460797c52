"""The multi-task CNN with a spatially variant RNN (Anisimovskiy et al., GraphiCon 2023), and SVRNN (Zhang et al., CVPR
2018)."""

from deblurcli.networks.base import Architecture, Tiling, as_built
from deblurcli.networks.mtcnn.layers import runs_natively
from deblurcli.networks.mtcnn.network import MultiTaskCNN, MultiTaskConfig, he
from deblurcli.networks.mtcnn.recognise import SIGNATURE, read_config
from deblurcli.networks.mtcnn.streaming import restore

ARCHITECTURE = Architecture(
    title="multi-task CNN",
    config=MultiTaskConfig,
    build=MultiTaskCNN,
    signature=SIGNATURE,
    read_config=read_config,
    bytes_per_pixel=lambda config: 6 * config.width + 3 * config.features,  # measured: 450 of 480
    restore=restore,
    tiling=Tiling("exact", 1e-5),
    runs_natively=runs_natively,
    initialise={"he": he, "default": as_built},
)
