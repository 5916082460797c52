"""The parameters of the authors' MAXIM, by their names and in TensorFlow's shapes, written out from their listing."""

from __future__ import annotations

import re

import numpy as np
from graph_model_writer import Node, operation

from deblurcli.networks.maxim.network import MAXIMConfig

PREFIX = "StatefulPartitionedCall/jax2tf_apply_/Wrapper/backbone"
Shapes = dict[str, tuple[int, ...]]


class Listing:
    def __init__(self) -> None:
        self.shapes: Shapes = {}

    def conv(self, name: str, size: int, c_in: int, c_out: int) -> None:
        self.shapes |= {f"{name}/kernel": (size, size, c_in, c_out), f"{name}/bias": (c_out,)}

    def up(self, name: str, c_in: int, c_out: int) -> None:
        self.shapes |= {f"{name}/kernel": (2, 2, c_out, c_in), f"{name}/bias": (c_out,)}

    def dense(self, name: str, c_in: int, c_out: int) -> None:
        self.shapes |= {f"{name}/kernel": (c_in, c_out), f"{name}/bias": (c_out,)}

    def norm(self, name: str, c: int) -> None:
        self.shapes |= {f"{name}/scale": (c,), f"{name}/bias": (c,)}

    def mixer(self, name: str, c: int, cells: int) -> None:
        self.norm(f"{name}/LayerNorm_in", c)
        self.dense(f"{name}/in_project", c, 2 * c)
        self.dense(f"{name}/out_project", 2 * c, c)
        for axis in ("Grid", "Block"):
            self.norm(f"{name}/{axis}GmlpLayer/LayerNorm", c)
            self.dense(f"{name}/{axis}GmlpLayer/in_project", c, 2 * c)
            self.norm(f"{name}/{axis}GmlpLayer/{axis}GatingUnit/intermediate_layernorm", c)
            self.dense(f"{name}/{axis}GmlpLayer/{axis}GatingUnit/Dense_0", cells, cells)
            self.dense(f"{name}/{axis}GmlpLayer/out_project", c, c)

    def attention(self, name: str, c: int) -> None:
        self.norm(f"{name}/LayerNorm", c)
        self.conv(f"{name}/channel_attention/Conv_0", 1, c, c // 4)
        self.conv(f"{name}/channel_attention/Conv_1", 1, c // 4, c)

    def encoder(self, name: str, c_in: int, c: int, cells: int, groups: int) -> None:
        self.conv(f"{name}/Conv_0", 1, c_in, c)
        for g in range(groups):
            self.mixer(f"{name}/SplitHeadMultiAxisGmlpLayer_{g}", c, cells)
            self.attention(f"{name}/channel_attention_block_1{g}", c)
            self.conv(f"{name}/channel_attention_block_1{g}/conv1", 3, c, c)
            self.conv(f"{name}/channel_attention_block_1{g}/conv2", 3, c, c)

    def bottleneck(self, name: str, c: int, cells: int, groups: int) -> None:
        self.conv(f"{name}/input_proj", 1, c, c)
        for g in range(groups):
            self.mixer(f"{name}/SplitHeadMultiAxisGmlpLayer_{g}", c, cells)
            self.attention(f"{name}/channel_attention_block_1_{g}", c)
            self.dense(f"{name}/channel_attention_block_1_{g}/channel_mixing/Dense_0", c, c)
            self.dense(f"{name}/channel_attention_block_1_{g}/channel_mixing/Dense_1", c, c)

    def cross_gating(self, name: str, c_x: int, c: int, cells: int, coarse: int = 0) -> None:
        if coarse:
            self.up(f"{name}/ConvTranspose_0", coarse, c)
        self.conv(f"{name}/Conv_0", 1, c_x, c)
        self.conv(f"{name}/Conv_1", 1, c, c)
        for side in ("x", "y"):
            self.norm(f"{name}/LayerNorm_{side}", c)
            self.dense(f"{name}/in_project_{side}", c, c)
            self.dense(f"{name}/out_project_{side}", c, c)
            gating = f"{name}/SplitHeadMultiAxisGating_{side}"
            self.norm(f"{gating}/LayerNorm_in", c)
            self.dense(f"{gating}/in_project", c, 2 * c)
            self.dense(f"{gating}/Dense_0", cells, cells)
            self.dense(f"{gating}/Dense_1", cells, cells)
            self.dense(f"{gating}/out_project", 2 * c, c)


def authors_shapes(config: MAXIMConfig) -> Shapes:
    """Name -> shape of every parameter as exported, without the last stage's coarser heads."""
    listing, levels = Listing(), len(config.sizes) - 1
    widths = [config.features << level for level in range(levels)]
    below = [*widths[1:], widths[-1]]
    cells, number = [size**2 for size in config.sizes], 0
    for s in range(config.stages):
        for i, c in enumerate(widths):
            stage = f"stage_{s}"
            listing.conv(f"{stage}_input_conv_{i}", 3, config.image_channels, c)
            above = widths[max(i - 1, 0)]
            listing.encoder(f"{stage}_encoder_block_{i}", above + c, c, cells[i], config.groups)
            listing.conv(f"{stage}_encoder_block_{i}/Conv_1", 4, c, c)
            if s > 0:
                listing.cross_gating(f"{stage}_input_fuse_sam_{i}", c, c, cells[i])
                listing.cross_gating(f"{stage}_encoder_block_{i}/cross_gating_block", c, c, cells[i])
            listing.cross_gating(f"{stage}_cross_gating_block_{i}", levels * c, c, cells[i], below[i])
            decoder = f"{stage}_decoder_block_{i}"
            listing.up(f"{decoder}/ConvTranspose_0", below[i], c)
            inputs = (levels + 1) * c
            listing.encoder(f"{decoder}/UNetEncoderBlock_0", inputs, c, cells[i], config.groups)
            if s < config.stages - 1:
                sam = f"{stage}_supervised_attention_module_{i}"
                listing.conv(f"{sam}/Conv_0", 3, c, c)
                listing.conv(f"{sam}/Conv_1", 3, c, config.image_channels)
                listing.conv(f"{sam}/Conv_2", 3, config.image_channels, c)
        for j in range(config.bottleneck_blocks):
            listing.bottleneck(f"stage_{s}_global_block_{j}", widths[-1], cells[-1], config.groups)
        for sources in (widths, widths[::-1]):
            for to in reversed(widths):
                for c_in in sources:
                    listing.conv(f"UpSampleRatio_{number}/Conv_0", 1, c_in, to)
                    number += 1
    listing.conv(f"stage_{config.stages - 1}_output_conv_0", 3, config.features, config.image_channels)
    return listing.shapes


def random_parameters(config: MAXIMConfig, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in authors_shapes(config).items()}


def as_graph(parameters: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[Node]]:
    """The graph's tensors and the operations that take them. A dense layer's matrix has only a number for a name."""
    tensors: dict[str, np.ndarray] = {"shape": np.array([1, -1], np.int32), "epsilon": np.array(1e-6, np.float32)}
    nodes = [operation("rsqrt", "AddV2", "variance", "epsilon"), operation("reshape", "Reshape", "image", "shape")]
    for number, (name, value) in enumerate(parameters.items()):
        module, _, role = name.rpartition("/")
        if role == "kernel" and value.ndim == 2:
            key, taker, kind = f"jax2tf_arg_{number}/ReadVariableOp", f"{module}/einsum/Einsum", "Einsum"
        elif role == "kernel" and "ConvTranspose" in module:
            key, taker, kind = f"{PREFIX}/{module}/t", f"{module}/conv2d_transpose", "Conv2DBackpropInput"
        elif role == "kernel":
            key, taker, kind = f"{PREFIX}/{module}/transpose_3", f"{module}/Conv2D", "Conv2D"
        else:
            kind = "Mul" if role == "scale" else "AddV2"
            key, taker = f"{PREFIX}/{module}/Reshape_{kind}", f"{module}/jit_fn_/{kind}_1"
            value = value.reshape(1, 1, 1, -1)
        tensors[key] = value
        nodes.append(operation(f"{PREFIX}/{taker}", kind, "features", key))
    return tensors, nodes


def as_keras(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By the names of the port to Keras: modules joined, other words for norms, resizing numbered from 1. In it the
    kernels of transposed convolutions are not turned."""
    renamed = {}
    for name, value in parameters.items():
        module, _, role = name.rpartition("/")
        module = re.sub(r"UpSampleRatio_(\d+)", lambda found: f"UpSampleRatio_{int(found[1]) + 1}", module)
        if "norm" in module.rpartition("/")[2].lower():
            role = {"scale": "gamma", "bias": "beta"}[role]
        is_turned = "ConvTranspose" in module and role == "kernel"
        renamed[f"{module.replace('/', '_')}/{role}"] = value[::-1, ::-1] if is_turned else value
    return renamed
