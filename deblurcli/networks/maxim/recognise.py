"""How the weights of a MAXIM are recognised, and which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt

from torch import Tensor

from deblurcli.networks.maxim.network import MAXIMConfig

SIGNATURE = ("stages.0.inputs.0.weight", "stages.0.encoders.0.project.weight", "stages.0.pictures.0.weight")


def read_config(state: Mapping[str, Tensor]) -> MAXIMConfig:
    """The hyper-parameters of a MAXIM with this program's names; errors as for `Architecture.read_config`."""

    def count(prefix: str) -> int:
        names = (key.removeprefix(prefix) for key in state if key.startswith(prefix))
        return len({name.partition(".")[0] for name in names})

    def size(block: str) -> int:
        return isqrt(state[f"{block}.mixers.0.block.spatial.weight"].shape[0])

    first = state["stages.0.inputs.0.weight"]
    blocks = [f"stages.0.encoders.{level}" for level in range(count("stages.0.encoders."))]
    return MAXIMConfig(
        features=first.shape[0],
        sizes=tuple(map(size, [*blocks, "stages.0.bottleneck.0"])),
        groups=count("stages.0.encoders.0.mixers."),
        bottleneck_blocks=count("stages.0.bottleneck."),
        stages=count("stages."),
        image_channels=first.shape[1],
    )
