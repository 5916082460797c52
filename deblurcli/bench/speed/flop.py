"""How many floating-point operations a network's definition has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from deblurcli.networks import build_network


def network_flop(architecture: str, config: Mapping[str, Any], width: int, height: int) -> float:
    """Floating-point operations for one RGB image, counted and not run: no weights, no pixels, any size.

    Counted are the matrix products and convolutions as the definition writes them, a multiply-add as two, on the image
    padded to the network's size multiple; a network of one channel restores R, G and B, so three times. Not counted is
    what costs little: activations, sums, resizing. An implementation may do fewer (Winograd) or more.

    Args:
        architecture: a key of `deblurcli.networks.ARCHITECTURES`.
        config: its hyper-parameters, as in a checkpoint.
        width, height: of the image in pixels.
    """
    with torch.device("meta"):
        network = build_network(architecture, config)
        settings: Any = network.config
        padded = [side + -side % settings.size_multiple for side in (height, width)]
        image = torch.empty(3 // settings.image_channels, settings.image_channels, *padded)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return float(counter.get_total_flops())
