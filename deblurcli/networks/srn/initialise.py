"""The weights with which training an SRN begins."""

from __future__ import annotations

import torch

from deblurcli.networks.srn.network import SRN


def he(network: SRN) -> None:
    """He's initialisation; the second convolution of a residual block and the last one start near zero.

    So a fresh network with a global residual starts as the identity, and learns from there. Sets the weights in place,
    from PyTorch's generator. Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    last = f"dec1.{len(network.dec1) - 1}.weight"
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            torch.nn.init.zeros_(parameter)
        elif name.endswith(last) or (name.endswith("conv2.weight") and network.config.block == "residual"):
            torch.nn.init.normal_(parameter, std=1e-3)
        else:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")


def glorot(network: SRN) -> None:
    """Glorot's uniform initialisation throughout ("Xavier"), as in the paper (Tao et al. 2018, section 4.1).

    Sets the weights in place, from PyTorch's generator.
    """
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.zeros_(parameter)
        else:
            torch.nn.init.xavier_uniform_(parameter)
