"""How the weights of a NAFNet are recognised, and which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from deblurcli.networks.nafnet.network import NAFNetConfig

SIGNATURE = ("intro.weight", "downs.0.weight", "middle_blks.0.sca.1.weight", "ending.weight")


def read_config(state: Mapping[str, Tensor]) -> NAFNetConfig:
    """The hyper-parameters of a NAFNet with the authors' names; errors as for `Architecture.read_config`.

    The window of its attention has no weights: the whole image is taken.
    """
    first = state["intro.weight"]
    lowest = max((level for level in range(len(state)) if f"downs.{level}.weight" in state), default=-1)
    levels = range(lowest + 1)  # so that one that is missing is found to be

    def blocks(prefix: str) -> int:
        names = (key.removeprefix(prefix) for key in state if key.startswith(prefix))
        return len({name.partition(".")[0] for name in names})

    return NAFNetConfig(
        width=first.shape[0],
        encoder_blocks=tuple(blocks(f"encoders.{level}.") for level in levels),
        middle_blocks=blocks("middle_blks."),
        decoder_blocks=tuple(blocks(f"decoders.{level}.") for level in levels),
        image_channels=first.shape[1],
    )
