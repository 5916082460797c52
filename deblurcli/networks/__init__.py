"""The network architectures a checkpoint can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from deblurcli.networks.srn import SRN, SRNConfig
from deblurcli.networks.srn_parts import restore_in_parts


@dataclass(frozen=True)
class Architecture:
    """How to build a network from the plain data in a checkpoint.

    Attributes:
        config: the frozen dataclass of its hyper-parameters.
        build: from a config to a module whose forward takes (N, C, H, W) in [0, 1] and returns all scales' predictions.
        restore_in_parts: runs such a module on an image of any size; see `srn_parts.restore_in_parts`.
    """

    config: Callable[..., Any]
    build: Callable[[Any], nn.Module]
    restore_in_parts: Callable[..., None]


ARCHITECTURES: dict[str, Architecture] = {"srn": Architecture(SRNConfig, SRN, restore_in_parts)}


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
