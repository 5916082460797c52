"""How the weights of an SRN are recognised, and which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from deblurcli.networks.srn.network import Recurrence, SRNConfig, Structure

SIGNATURE = ("enc1.0.weight", "enc2.0.weight", "enc3.0.weight")


def read_config(state: Mapping[str, Tensor]) -> SRNConfig:
    """The hyper-parameters of an SRN with this program's names; errors as for `Architecture.read_config`.

    What shapes do not show is taken as in the released weights: three scales, residual blocks,
    TensorFlow's resize, no global residual.
    """
    first = state["enc1.0.weight"]
    recurrences: dict[str, Recurrence] = {"gates": "convlstm", "hidden": "rnn", "conv": "conv"}
    found = [kind for name, kind in recurrences.items() if f"cell.{name}.weight" in state]
    blocks = sum(key.startswith("enc1.") and key.endswith("conv1.weight") for key in state)
    coarser = len({key.split(".")[1] for key in state if key.startswith("coarser.")})
    # Features grow by transposed convolutions of 4x4, or do not have to.
    structure: Structure = "encoder-decoder" if state[f"dec3.{blocks}.weight"].shape[2] == 4 else "flat"
    return SRNConfig(
        channels=(first.shape[0], state["enc2.0.weight"].shape[0], state["enc3.0.weight"].shape[0]),
        kernel_size=first.shape[2],
        blocks=blocks,
        structure=structure,
        scales=coarser + 1 if coarser else 3,
        shared=not coarser,
        recurrence=found[0] if found else "none",
        image_channels=first.shape[1] // 2,
    )
