"""How the weights of a multi-task CNN or an SVRNN are recognised, and which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from deblurcli.networks.mtcnn.network import MultiTaskConfig

SIGNATURE = ("conv1.weight", "conv14.weight", "conv16.weight", "conv21.weight")


def read_config(state: Mapping[str, Tensor]) -> MultiTaskConfig:
    """The hyper-parameters of such a network with this program's names; errors as for `Architecture.read_config`.

    What shapes do not show is taken as in the papers: no global residual.
    """
    first = state["conv1.weight"]
    return MultiTaskConfig(
        width=first.shape[0],
        features=state["conv16.weight"].shape[0],
        variant="svrnn" if "feature1.weight" in state else "multi-task",
        image_channels=first.shape[1],
    )
