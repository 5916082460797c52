"""Checkpoints: one safetensors file that holds the weights and everything needed to rebuild the network."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deblurcli.atomic import write_atomically
from deblurcli.errors import OutputError, WeightsDamaged, WeightsUnavailable

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint says about itself.

    Attributes:
        architecture: a key of `deblurcli.networks.ARCHITECTURES`.
        config: the hyper-parameters of that architecture.
        name, version, licence: of the weights.
        training: how they were made, as plain JSON data.
    """

    architecture: str
    config: Mapping[str, Any]
    name: str
    version: str = "1"
    licence: str = "unknown"
    training: Mapping[str, Any] = field(default_factory=dict)


def read_info(path: Path) -> ModelInfo:
    """Read only the header of a checkpoint; needs neither torch nor the weights in memory.

    Raises:
        WeightsUnavailable: if the file is missing or unreadable.
        WeightsDamaged: if it is not a checkpoint of this program.
    """
    # The safetensors format: 8 bytes little-endian header length, a JSON header, the tensors.
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                raise ValueError("no safetensors header")
            metadata = json.loads(file.read(length))["__metadata__"]
        return ModelInfo(
            architecture=metadata["architecture"],
            config=json.loads(metadata["config"]),
            name=metadata["name"],
            version=metadata["version"],
            licence=metadata["licence"],
            training=json.loads(metadata["training"]),
        )
    except OSError as error:
        raise WeightsUnavailable(f"{path}: cannot read the weights ({error.strerror}); check the path") from error
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise WeightsDamaged(
            f"{path}: not a deblurcli checkpoint; give a .safetensors file made by this program, "
            "such as `deblur weights import` makes of other formats"
        ) from error


def load_checkpoint(path: Path) -> tuple[nn.Module, ModelInfo]:
    """Rebuild a network from its checkpoint, strictly: every weight must be there, with its shape, and no other.

    Returns:
        The network in evaluation mode with float32 weights, and what the file says about itself.

    Raises:
        WeightsUnavailable: if the file is missing or unreadable.
        WeightsDamaged: if it is truncated, altered or not a checkpoint.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    info = read_info(path)
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsDamaged(f"{path}: the weights are damaged ({error}); get the file again") from error
    return load_state(info, state, path), info


def load_state(info: ModelInfo, state: Mapping[str, Tensor], source: Path) -> nn.Module:
    """A network in evaluation mode with float32 weights; arguments and errors as for `check_state`."""
    import torch

    network = check_state(info, state, source)
    # Copied, as tensors within a file may lie where arithmetic is slower; and put in the place of those on the meta
    # device, as making those empty on a real one loads PyTorch's symbolic shapes, which takes a second.
    copies = {key: value.to(torch.float32, copy=True) for key, value in state.items()}
    network.load_state_dict(copies, strict=True, assign=True)
    return network.eval()


def check_state(info: ModelInfo, state: Mapping[str, Tensor], source: Path) -> nn.Module:
    """Check that a state dict is exactly that of a network.

    Args:
        info: says which network.
        state: name -> tensor.
        source: is named in the error.

    Returns:
        The network without weights, on torch's meta device.

    Raises:
        WeightsDamaged: if the network does not exist, a tensor is missing, left over or of another shape, or a value is
            not finite. The first problem is named.
    """
    import torch

    from deblurcli.networks import build_network

    try:
        with torch.device("meta"):
            network = build_network(info.architecture, info.config)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsDamaged(f"{source}: the weights do not fit their architecture ({reason})") from error
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    for key, shape in expected.items():
        found = tuple(state[key].shape) if key in state else None
        if found != shape:
            problem = "is missing" if found is None else f"has shape {found}, expected {shape}"
            raise WeightsDamaged(f"{source}: tensor {key} {problem}; get the file again")
    for key, value in state.items():
        if key not in expected:
            raise WeightsDamaged(f"{source}: tensor {key} is unexpected in {info.architecture}; get the file again")
        if not torch.isfinite(value).all():
            raise WeightsDamaged(f"{source}: {key} holds values that are not finite; get the file again")
    return network


def save_checkpoint(path: Path, state: Mapping[str, Tensor], info: ModelInfo) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    from safetensors.torch import save

    metadata = {
        "architecture": info.architecture,
        "config": json.dumps(info.config),
        "name": info.name,
        "version": info.version,
        "licence": info.licence,
        "training": json.dumps(info.training),
    }
    data = sorted_header(save({key: value.detach().cpu().contiguous() for key, value in state.items()}, metadata))
    try:
        write_atomically(data, path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot write ({error.strerror}); check the folder and the free space") from error


def sorted_header(data: bytes) -> bytes:
    """The same safetensors file with its metadata in order; the library writes it in a random one, which would give the
    same weights another hash each time."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors stay aligned
    return struct.pack("<Q", len(header)) + header + data[8 + length :]
