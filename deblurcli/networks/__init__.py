"""The network architectures a checkpoint can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor, nn

from deblurcli.networks import nafnet_parts, srn_native, srn_parts
from deblurcli.networks.hyper_parameters import nafnet_config, srn_config
from deblurcli.networks.nafnet import NAFNet, NAFNetConfig
from deblurcli.networks.srn import SRN, SRNConfig


@dataclass(frozen=True)
class Architecture:
    """A kind of network, and all that the rest of the program needs to know of it.

    Attributes:
        title: what a person calls it.
        config: the frozen dataclass of its hyper-parameters, with `image_channels` and `size_multiple`.
        build: from a config to a module whose forward takes (N, C, H, W) in [0, 1] and returns the predictions of all
            its scales, coarsest first; it has the attribute `config`.
        restore_in_parts: runs such a module on an image of any size; see `srn_parts.restore_in_parts`.
        bytes_per_pixel: from a config to the memory that an image takes which runs at once, per pixel and per byte of
            the number format.
        runs_natively: whether the compiled library computes such a module on the CPU, in float32.
        sign: the name of a tensor by which a state dict of this kind is recognised.
        read_config: from such a state dict to a config; see `hyper_parameters`.
    """

    title: str
    config: Callable[..., Any]
    build: Callable[[Any], nn.Module]
    restore_in_parts: Callable[..., None]
    bytes_per_pixel: Callable[[Any], int]
    runs_natively: Callable[[nn.Module], bool]
    sign: str
    read_config: Callable[[Mapping[str, Tensor]], Any]


ARCHITECTURES: dict[str, Architecture] = {
    "srn": Architecture(
        title="SRN",
        config=SRNConfig,
        build=SRN,
        restore_in_parts=srn_parts.restore_in_parts,
        bytes_per_pixel=lambda config: 550,  # measured as the peak of 0.9 megapixels with the default settings
        runs_natively=srn_native.runs_natively,
        sign="enc1.0.weight",
        read_config=srn_config,
    ),
    "nafnet": Architecture(
        title="NAFNet",
        config=NAFNetConfig,
        build=NAFNet,
        restore_in_parts=nafnet_parts.restore_in_parts,
        bytes_per_pixel=nafnet_parts.bytes_per_pixel,
        runs_natively=lambda network: False,
        sign="intro.weight",
        read_config=nafnet_config,
    ),
}


def build_network(architecture: str, config: Mapping[str, Any]) -> nn.Module:
    """A network with fresh weights.

    Raises:
        ValueError: for an unknown architecture, or settings it does not have.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}; known: {', '.join(ARCHITECTURES)}")
    entry = ARCHITECTURES[architecture]
    known = {field.name for field in fields(entry.config)}  # type: ignore[arg-type]
    if unknown := sorted(set(config) - known):
        raise ValueError(f"unknown settings for {architecture}: {', '.join(unknown)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    return entry.build(entry.config(**values))
