"""How the weights of an FCN are recognised, and which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from deblurcli.networks.fcn.network import FCNConfig

SIGNATURE = ("processing.conv.weight", "catcher.squeeze.weight", "stages.0.encoder.downs.0.weight", "tail.weight")


def read_config(state: Mapping[str, Tensor]) -> FCNConfig:
    """The hyper-parameters of an FCN with this program's names; errors as for `Architecture.read_config`.

    Patches have no weights: those of the paper are taken.
    """
    first = state["processing.conv.weight"]
    width = first.shape[0]
    return FCNConfig(
        width=width,
        growth=state["stages.0.encoder.downs.0.weight"].shape[0] - width,
        extra=state["tail.weight"].shape[1] - width,
        blocks=sum(key.startswith("last.groups.0.") and key.endswith(".conv1.weight") for key in state),
        reduction=width // max(state["processing.block.squeeze.weight"].shape[0], 1),
        image_channels=first.shape[1],
    )
