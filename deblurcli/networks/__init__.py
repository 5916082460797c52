"""The networks a checkpoint can name: one line each. What such an entry says is in `base`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import nn

from deblurcli.networks import fcn, maxim, mtcnn, nafnet, srn
from deblurcli.networks.base import Architecture

ARCHITECTURES: Mapping[str, Architecture[Any, Any]] = {
    "srn": srn.ARCHITECTURE,
    "nafnet": nafnet.ARCHITECTURE,
    "maxim": maxim.ARCHITECTURE,
    "fcn": fcn.ARCHITECTURE,
    "mt-cnn": mtcnn.ARCHITECTURE,
}


def architecture(name: str) -> Architecture[Any, Any]:
    """The entry of an architecture.

    Raises:
        ValueError: if it is unknown.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def build_network(name: str, config: Mapping[str, Any]) -> nn.Module:
    """A network with fresh weights, as its layers give them to themselves.

    Args:
        name: of the architecture.
        config: its settings as plain data; those that are missing keep their defaults.

    Raises:
        ValueError: for an unknown architecture, or settings it does not have.
    """
    entry = architecture(name)
    known = {field.name for field in fields(entry.config)}
    if unknown := sorted(set(config) - known):
        raise ValueError(f"unknown settings for {name}: {', '.join(unknown)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    network: nn.Module = entry.build(entry.config(**values))
    return network
