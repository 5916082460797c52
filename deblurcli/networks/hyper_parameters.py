"""What the names and shapes in a state dict say of the network they belong to.

The readers look at a few tensors only: whether all others fit is seen when the state dict is loaded. They raise
KeyError with the name of a tensor that is missing, IndexError for one with too few dimensions, ValueError for
impossible sizes.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from deblurcli.networks.nafnet import NAFNetConfig
from deblurcli.networks.srn import Recurrence, SRNConfig


def srn_config(state: Mapping[str, Tensor]) -> SRNConfig:
    """Of an SRN with this program's names.

    What shapes do not show is taken as in the released weights: three scales, TensorFlow's resize, no global residual.
    """
    first = state["enc1.0.weight"]
    recurrences: dict[str, Recurrence] = {"gates": "convlstm", "hidden": "rnn", "conv": "conv"}
    found = [kind for name, kind in recurrences.items() if f"cell.{name}.weight" in state]
    return SRNConfig(
        channels=(first.shape[0], state["enc2.0.weight"].shape[0], state["enc3.0.weight"].shape[0]),
        kernel_size=first.shape[2],
        blocks=sum(key.startswith("enc1.") and key.endswith("conv1.weight") for key in state),
        recurrence=found[0] if found else "none",
        image_channels=first.shape[1] // 2,
    )


def nafnet_config(state: Mapping[str, Tensor]) -> NAFNetConfig:
    """Of a NAFNet with the authors' names. The window of its attention has no weights: the whole image is taken."""
    first = state["intro.weight"]
    levels = [level for level in range(len(state)) if f"downs.{level}.weight" in state]

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
