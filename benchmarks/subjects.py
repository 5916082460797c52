"""The networks that benchmarks run, with random weights, and the way the command runs each in the compiled library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from engine import in_tiles, network_of
from nafnet import network_of_32
from torch import Tensor

from deblurcli.native import library
from deblurcli.networks.base import CPU_PIXELS
from deblurcli.networks.maxim.inference import pictures
from deblurcli.networks.maxim.network import MAXIM
from deblurcli.networks.maxim.network import RELEASED as MAXIM_RELEASED
from deblurcli.networks.nafnet.native_blocks import blocks_for, restored
from deblurcli.networks.nafnet.network import NAFNet
from deblurcli.networks.srn.network import SRN

NETWORKS = ("srn-3", "srn-5", "maxim-1", "nafnet-32")


def subject(name: str) -> torch.nn.Module:
    """The network of a name."""
    kind, size = name.split("-")
    if kind == "srn":
        return network_of(int(size), 3)
    if kind == "maxim":
        torch.manual_seed(0)
        return MAXIM(replace(MAXIM_RELEASED, stages=int(size))).eval().requires_grad_(False)
    return network_of_32()


def native_way(network: torch.nn.Module, image: Tensor) -> Callable[[], Tensor]:
    """The whole image through the compiled library, as the command does it."""
    if isinstance(network, SRN):
        engine, inner = library.choose_backend().name, image.contiguous(memory_format=torch.channels_last)
        srn = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return lambda: in_tiles(srn, inner, engine, CPU_PIXELS)
    if isinstance(network, MAXIM):
        return lambda: pictures(network, image)[-1]
    assert isinstance(network, NAFNet)
    blocks, inner = blocks_for(network), image.contiguous(memory_format=torch.channels_last)
    return lambda: restored(network, blocks, inner)[0]
