"""What the authors of MAXIM call the parameters of our network.

Source: the authors' Flax modules as their TensorFlow.js graph names them (`stage_0_encoder_block_0/Conv_0/kernel`), and
the names that Sayak Paul's port to Keras gives its layers (`stage_0_encoder_block_0_Conv_0/kernel`).

A parameter's name is put together along its path through our modules: each says what the authors call its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isqrt
from typing import Literal, NamedTuple

from torch import nn

from deblurcli.networks.maxim import blocks
from deblurcli.networks.maxim.network import MAXIM, RELEASED, MAXIMConfig, Stage

Role = Literal["kernel", "bias", "scale"]
KERAS_NORM = {"scale": "gamma", "bias": "beta"}

# Of a list, the braces stand for the number in it.
NAMES: dict[type[nn.Module], dict[str, str]] = {
    blocks.EncoderBlock: {
        "project": "Conv_0",
        "mixers": "SplitHeadMultiAxisGmlpLayer_{}",
        "attentions": "channel_attention_block_1{}",
        "fuse": "cross_gating_block",
    },
    blocks.BottleneckBlock: {
        "project": "input_proj",
        "mixers": "SplitHeadMultiAxisGmlpLayer_{}",
        "attentions": "channel_attention_block_1_{}",
    },
    blocks.MultiAxisGMLP: {
        "norm": "LayerNorm_in",
        "enter": "in_project",
        "grid": "GridGmlpLayer",
        "block": "BlockGmlpLayer",
        "leave": "out_project",
    },
    blocks.GatedMLP: {  # here the braces stand for the axis
        "norm": "LayerNorm",
        "enter": "in_project",
        "gate_norm": "{}GatingUnit/intermediate_layernorm",
        "spatial": "{}GatingUnit/Dense_0",
        "leave": "out_project",
    },
    blocks.RCAB: {"norm": "LayerNorm", "conv1": "conv1", "conv2": "conv2", "attention": "channel_attention"},
    blocks.RDCAB: {
        "norm": "LayerNorm",
        "linear1": "channel_mixing/Dense_0",
        "linear2": "channel_mixing/Dense_1",
        "attention": "channel_attention",
    },
    blocks.ChannelAttention: {"squeeze": "Conv_0", "excite": "Conv_1"},
    blocks.CrossGating: {
        "up": "ConvTranspose_0",
        "project_x": "Conv_0",
        "project_y": "Conv_1",
        "norm_x": "LayerNorm_x",
        "norm_y": "LayerNorm_y",
        "enter_x": "in_project_x",
        "enter_y": "in_project_y",
        "weights_x": "SplitHeadMultiAxisGating_x",
        "weights_y": "SplitHeadMultiAxisGating_y",
        "leave_x": "out_project_x",
        "leave_y": "out_project_y",
    },
    blocks.SpatialGatingWeights: {
        "norm": "LayerNorm_in",
        "enter": "in_project",
        "grid": "Dense_0",
        "block": "Dense_1",
        "leave": "out_project",
    },
    blocks.SupervisedAttention: {"features": "Conv_0", "attention": "Conv_2"},
    Stage: {
        "inputs": "input_conv_{}",
        "fuse": "input_fuse_sam_{}",
        "encoders": "encoder_block_{}",
        "downs": "encoder_block_{}/Conv_1",
        "bottleneck": "global_block_{}",
        "gates": "cross_gating_block_{}",
        "ups": "decoder_block_{}/ConvTranspose_0",
        "decoders": "decoder_block_{}/UNetEncoderBlock_0",
        "pictures": "supervised_attention_module_{}/Conv_1",
        "sams": "supervised_attention_module_{}",
    },
}
LAST_PICTURES = "output_conv_{}"


class AuthorsName(NamedTuple):
    """A parameter in the authors' words: their modules from the outermost to the innermost, and what it is of it."""

    modules: tuple[str, ...]
    role: Role

    @property
    def in_graph(self) -> str:
        """As in their own files."""
        return "/".join((*self.modules, self.role))

    @property
    def in_keras(self) -> str:
        """As the port to Keras names its variable."""
        is_norm = "norm" in self.modules[-1].lower()
        return "_".join(self.modules) + "/" + (KERAS_NORM[self.role] if is_norm else self.role)


def config_of(shapes: Mapping[str, tuple[int, ...]]) -> MAXIMConfig:
    """The hyper-parameters of a network.

    Args:
        shapes: the authors' name of each parameter, in either way of writing it -> its shape in TensorFlow's order.

    Returns:
        What the network is if all is there; whether it is, is seen when the parameters are placed. Those of the weights
        released for deblurring if it cannot be told.
    """
    shapes = {name.replace("/", "_"): shape for name, shape in shapes.items()}
    mixer = "SplitHeadMultiAxisGmlpLayer_"

    def count(prefix: str) -> int:
        numbers = (name.removeprefix(prefix) for name in shapes if name.startswith(prefix))
        return len({number.partition("_")[0] for number in numbers})

    def size(block: str) -> int:
        return isqrt(shapes[f"stage_0_{block}_{mixer}0_BlockGmlpLayer_BlockGatingUnit_Dense_0_kernel"][0])

    try:
        first = shapes["stage_0_input_conv_0_kernel"]
        levels = [f"encoder_block_{level}" for level in range(count("stage_0_input_conv_"))]
        return MAXIMConfig(
            features=first[3],
            sizes=tuple(map(size, [*levels, "global_block_0"])),
            groups=count(f"stage_0_encoder_block_0_{mixer}"),
            bottleneck_blocks=count("stage_0_global_block_"),
            stages=count("stage_"),
            image_channels=first[2],
        )
    except (KeyError, IndexError, ValueError):
        return RELEASED


def authors_names(network: MAXIM) -> dict[str, AuthorsName]:
    """Our key of every parameter -> the authors' name. The network may be on the meta device."""
    names = {}
    for index, stage in enumerate(network.stages):
        assert isinstance(stage, Stage)
        for ours, theirs, layer in _layers(stage, f"stages.{index}", index, len(network.stages)):
            weight: Role = "scale" if isinstance(layer, nn.LayerNorm) else "kernel"
            names[f"{ours}.weight"] = AuthorsName(theirs, weight)
            names[f"{ours}.bias"] = AuthorsName(theirs, "bias")
    return names


def _layers(stage: Stage, ours: str, index: int, stages: int) -> Iterator[tuple[str, tuple[str, ...], nn.Module]]:
    """Every layer with parameters of a stage, in both worlds."""
    levels = len(stage.encoders)
    first = index * 2 * levels * levels  # the authors number these through, from the lowest level up, in all stages
    for to in range(levels):
        for source in range(levels):
            row = levels * (levels - 1 - to)
            to_gate, to_decoder = first + row + source, first + levels * levels + row + levels - 1 - source
            for kind, number in (("to_gates", to_gate), ("to_decoders", to_decoder)):
                layer = stage.get_submodule(f"{kind}.{to}.{source}")
                yield f"{ours}.{kind}.{to}.{source}", (f"UpSampleRatio_{number}", "Conv_0"), layer
    for part, theirs in NAMES[Stage].items():
        pattern = LAST_PICTURES if part == "pictures" and index == stages - 1 else theirs
        for name, module in stage.get_submodule(part).named_children():
            head, *rest = f"stage_{index}_{pattern.format(name)}".split("/")
            yield from _inside(module, f"{ours}.{part}.{name}", (head, *rest))


def _inside(module: nn.Module, ours: str, theirs: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], nn.Module]]:
    names = NAMES.get(type(module))
    if names is None:  # a layer
        yield ours, theirs, module
        return
    axis = module.spatial.axis.capitalize() if isinstance(module, blocks.GatedMLP) else ""
    for part, child in module.named_children():
        elements = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        for number, element in elements:
            path = names[part].format(number or axis).split("/")
            yield from _inside(element, f"{ours}.{part}" + (f".{number}" if number else ""), (*theirs, *path))
