"""The authors' released SRN weights, renamed and reordered for our network.

Source: the names and shapes in the authors' released checkpoints `deblur.model-523000` (Tao et al., CVPR 2018), of
which there are three: `lstm` and `gray` restore one channel, `color` three; only `lstm` has the ConvLSTM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deblurcli.errors import WeightsDamaged
from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.models.importers.tensor_bundle import read_tensor_bundle
from deblurcli.networks.srn.network import RELEASED, SRNConfig

# A checkpoint of a training run holds the optimizer's state too: Adam's two moments of every weight
# (".../weights/Adam", ".../weights/Adam_1"), the powers of its two betas, and the step count. None of it is needed to
# restore images, so it is ignored; any other name that is not known is an error.
OPTIMIZER_STATE = re.compile(r"(^|/)(Adam(_\d+)?|beta[12]_power(_\d+)?|global_step)(/|$)")

# TensorFlow stores a convolution as [height, width, in, out], PyTorch as [out, in, height, width]. A transposed one is
# [height, width, out, in] and [in, out, height, width]: in both cases the same permutation. The kernels need no flip,
# as both libraries correlate, and define the transposed convolution as the gradient of that.
TO_PYTORCH = (3, 2, 0, 1)


def convert_release(
    tensors: Mapping[str, NDArray[Any]], source: str = "checkpoint"
) -> tuple[SRNConfig, dict[str, NDArray[np.float32]]]:
    """Turn a released checkpoint's tensors into our network's state.

    Args:
        tensors: name -> tensor as in the checkpoint.
        source: what error messages call the checkpoint, for instance its path.

    Returns:
        The configuration of the released variant, one of `srn.RELEASED`, and the state of `SRN` with it, to be loaded
        strictly: name -> tensor, float32, contiguous, sharing no memory with `tensors`.

    Raises:
        WeightsDamaged: if a tensor is missing, unexpected, or of the wrong shape or type.
    """
    config = RELEASED[recognise_release(tensors, source)]
    return config, convert_tensors(tensors, config, source)


def recognise_release(tensors: Mapping[str, NDArray[Any]], source: str = "checkpoint") -> str:
    """Which of the released variants this is: "lstm", "gray" or "color".

    Raises:
        WeightsDamaged: if it is none of them.
    """
    if any(name.startswith("g_net/convLSTM/") for name in tensors):
        return "lstm"
    output = tensors.get("g_net/dec1_0/biases")
    if output is None:
        raise WeightsDamaged(
            f"{source}: tensor g_net/dec1_0/biases is missing: not a released SRN checkpoint; "
            "use the authors' released deblur.model-523000"
        )
    channels_of = {RELEASED[variant].image_channels: variant for variant in ("gray", "color")}
    variant = channels_of.get(output.size)
    if variant is None:
        raise WeightsDamaged(
            f"{source}: tensor g_net/dec1_0/biases has shape {output.shape}, expected (1,) or (3,); "
            "use the authors' released deblur.model-523000"
        )
    return variant


def convert_tensors(
    tensors: Mapping[str, NDArray[Any]], config: SRNConfig, source: str = "checkpoint"
) -> dict[str, NDArray[np.float32]]:
    """Rename and reorder the tensors of the authors' graph, built as `config` says, for `SRN(config)`.

    Arguments and errors as for `convert_release`; `config` may have other channel, kernel and block counts than the
    released ones, but no `recurrence` other than theirs, "convlstm" and "none".
    """
    state: dict[str, NDArray[np.float32]] = {}
    expected: set[str] = set()
    for layer in _layers(config):
        weights, biases = f"g_net/{layer.theirs}/weights", f"g_net/{layer.theirs}/biases"
        expected |= {weights, biases}
        weight = _checked(tensors, weights, layer.shape, source).transpose(TO_PYTORCH)
        state[f"{layer.ours}.weight"] = np.array(weight, order="C", copy=True)
        state[f"{layer.ours}.bias"] = _checked(tensors, biases, (layer.outputs,), source).copy()
    for name in tensors:
        if name not in expected and not OPTIMIZER_STATE.search(name):
            raise WeightsDamaged(
                f"{source}: tensor {name} is unexpected, no part of a released SRN checkpoint; "
                "use the authors' released deblur.model-523000"
            )
    return state


class _Layer(NamedTuple):
    """A convolution: its name in both worlds, its weights' shape in the checkpoint, its output channels."""

    theirs: str
    ours: str
    shape: tuple[int, int, int, int]
    outputs: int


def _layers(config: SRNConfig) -> Iterator[_Layer]:
    k, n = config.kernel_size, config.blocks
    channels = (2 * config.image_channels, *config.channels)

    def conv(theirs: str, ours: str, kernel: int, inputs: int, outputs: int) -> _Layer:
        return _Layer(theirs, ours, (kernel, kernel, inputs, outputs), outputs)

    def block(theirs: str, ours: str, width: int) -> Iterator[_Layer]:
        for name in ("conv1", "conv2"):
            yield conv(f"{theirs}/{name}", f"{ours}.{name}", k, width, width)

    for stage in (1, 2, 3):
        yield conv(f"enc{stage}_1", f"enc{stage}.0", k, channels[stage - 1], channels[stage])
        for i in range(2, n + 2):  # ours are numbered alike, as a ReLU follows the first convolution
            yield from block(f"enc{stage}_{i}", f"enc{stage}.{i}", channels[stage])
    if config.recurrence == "convlstm":
        yield conv("convLSTM/LSTM_conv", "cell.gates", 3, 2 * channels[3], 4 * channels[3])
    for stage in (3, 2, 1):
        for i in range(n):  # the authors count down: dec3_3 is applied first
            yield from block(f"dec{stage}_{n - i}", f"dec{stage}.{i}", channels[stage])
        if stage > 1:  # transposed: [height, width, out, in]
            shape = (4, 4, channels[stage - 1], channels[stage])
            yield _Layer(f"dec{stage - 1}_{n + 1}", f"dec{stage}.{n}", shape, channels[stage - 1])
    yield conv("dec1_0", f"dec1.{n}", k, channels[1], config.image_channels)


def _checked(tensors: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...], source: str) -> NDArray[Any]:
    tensor = tensors.get(name)
    if tensor is None:
        problem = "is missing"
    elif tensor.shape != shape:
        problem = f"has shape {tensor.shape}, expected {shape}"
    elif tensor.dtype != np.float32:
        problem = f"has type {tensor.dtype}, expected float32"
    else:
        return tensor
    raise WeightsDamaged(f"{source}: tensor {name} {problem}; use the authors' released deblur.model-523000")


def import_release(prefix: Path, output: Path) -> ModelInfo:
    """Write a released checkpoint as a safetensors file.

    Raises:
        WeightsUnavailable: if a file is missing.
        WeightsDamaged: if one is damaged, truncated or not a released SRN checkpoint.
        OutputError: if the result cannot be written.
    """
    import torch

    tensors = read_tensor_bundle(prefix)
    variant = recognise_release(tensors, str(prefix))
    config, state = convert_release(tensors, str(prefix))
    info = ModelInfo(
        architecture="srn",
        config=asdict(config),
        name=f"srn-released-{variant}",
        licence="MIT",
        training={"source": "weights released by the authors of SRN (Tao et al., CVPR 2018)", "variant": variant},
    )
    save_checkpoint(output, {name: torch.from_numpy(value) for name, value in state.items()}, info)
    return info
