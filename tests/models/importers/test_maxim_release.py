from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
from graph_model_writer import write_graph_model
from maxim_listing import as_graph, as_keras, authors_shapes, random_parameters

from deblurcli.errors import WeightsDamaged
from deblurcli.models.importers import object_graph
from deblurcli.models.importers.crc32c import masked_crc32c
from deblurcli.models.importers.maxim_names import config_of
from deblurcli.models.importers.maxim_release import Released, empty, from_bundle, from_graph_model
from deblurcli.models.importers.tensor_bundle import open_bundle
from deblurcli.models.importers.tensorflow_js import read_graph_model
from deblurcli.networks.maxim.network import RELEASED, MAXIMConfig

TINY = MAXIMConfig(features=4, sizes=(4, 2, 2), groups=2, bottleneck_blocks=2, stages=2)
Parameters = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return random_parameters(TINY)


def through_graph(folder: Path, parameters: Parameters) -> Released:
    write_graph_model(folder, *as_graph(parameters), shard_size=10_000)
    return from_graph_model(read_graph_model(folder), TINY)


def through_bundle(folder: Path, parameters: Parameters) -> Released:
    """As on the Hub: the names are in the graph of objects only, and the heads are there that nothing needs."""
    named = as_keras(parameters)
    named["stage_1_output_conv_1/kernel"] = np.ones((3, 3, 8, 3), np.float32)
    named["stage_1_output_conv_1/bias"] = np.ones(3, np.float32)
    layers = {name.rpartition("/")[0]: None for name in named}
    numbers = {layer: number for number, layer in enumerate(reversed(layers))}
    keys = {}
    for name in named:
        layer, _, role = name.rpartition("/")
        keys[f"layer_with_weights-{numbers[layer]}/{role}/.ATTRIBUTES/VARIABLE_VALUE"] = name
    tensors: dict[str, np.ndarray | bytes] = {key: named[name] for key, name in keys.items()}
    tensors[object_graph.TENSOR] = writer.object_graph(keys)
    folder.mkdir(exist_ok=True)
    writer.write_bundle(folder / "variables", tensors, checksum=masked_crc32c)
    return from_bundle(open_bundle(folder / "variables"), TINY)


Way = Callable[[Path, Parameters], Released]
BOTH_WAYS = pytest.mark.parametrize("way", [through_graph, through_bundle])


def error_of(way: Way, folder: Path, parameters: Parameters) -> str:
    with pytest.raises(WeightsDamaged) as caught:
        way(folder, parameters)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_the_listing_is_that_of_our_network(stages: int) -> None:
    config = replace(TINY, stages=stages, groups=1)
    ours = sum(value.numel() for value in empty(config).parameters())
    assert sum(int(np.prod(shape)) for shape in authors_shapes(config).values()) == ours


@pytest.mark.parametrize("config", [RELEASED, TINY, replace(TINY, stages=1, sizes=(2, 4, 8, 4), image_channels=1)])
def test_the_config_is_read_off_the_names_and_shapes(config: MAXIMConfig) -> None:
    shapes = authors_shapes(config)
    assert config_of(shapes) == config
    in_keras = as_keras({name: np.empty(shape, np.uint8) for name, shape in shapes.items()})
    assert config_of({name: value.shape for name, value in in_keras.items()}) == config
    assert config_of({"w": (3, 3)}) == RELEASED


def test_both_ways_give_the_same(tmp_path: Path, parameters: Parameters) -> None:
    first, second = through_graph(tmp_path / "a", parameters), through_bundle(tmp_path / "b", parameters)
    assert first.state.keys() == second.state.keys() == empty(TINY).state_dict().keys()
    for key, value in first.state.items():
        assert value.dtype == np.float32
        assert value.flags.c_contiguous
        np.testing.assert_array_equal(value, second.state[key], err_msg=key)


def test_where_parameters_end_up(tmp_path: Path, parameters: Parameters) -> None:
    state = through_graph(tmp_path, parameters).state

    def same(key: str, expected: np.ndarray) -> None:
        np.testing.assert_array_equal(state[key], expected, err_msg=key)

    same("stages.0.inputs.1.weight", parameters["stage_0_input_conv_1/kernel"].transpose(3, 2, 0, 1))
    same("stages.1.ups.0.weight", parameters["stage_1_decoder_block_0/ConvTranspose_0/kernel"].transpose(3, 2, 0, 1))
    same("stages.1.downs.1.bias", parameters["stage_1_encoder_block_1/Conv_1/bias"])
    same("stages.0.encoders.0.project.weight", parameters["stage_0_encoder_block_0/Conv_0/kernel"][0, 0].T)
    mixer = "stage_1_decoder_block_1/UNetEncoderBlock_0/SplitHeadMultiAxisGmlpLayer_1"
    ours = "stages.1.decoders.1.mixers.1"
    same(f"{ours}.norm.weight", parameters[f"{mixer}/LayerNorm_in/scale"])
    same(f"{ours}.grid.spatial.weight", parameters[f"{mixer}/GridGmlpLayer/GridGatingUnit/Dense_0/kernel"].T)
    same(f"{ours}.block.leave.bias", parameters[f"{mixer}/BlockGmlpLayer/out_project/bias"])
    dense = parameters["stage_1_global_block_1/channel_attention_block_1_0/channel_mixing/Dense_1/kernel"]
    same("stages.1.bottleneck.1.attentions.0.linear2.weight", dense.T)
    # Resizing is numbered from the lowest level up: here 4 modules towards the skips, 4 to the decoder, a stage.
    same("stages.0.to_gates.1.0.bias", parameters["UpSampleRatio_0/Conv_0/bias"])
    same("stages.1.to_gates.0.1.bias", parameters["UpSampleRatio_11/Conv_0/bias"])
    same("stages.1.to_decoders.0.1.bias", parameters["UpSampleRatio_14/Conv_0/bias"])
    same("stages.0.pictures.1.bias", parameters["stage_0_supervised_attention_module_1/Conv_1/bias"])
    same("stages.1.pictures.0.bias", parameters["stage_1_output_conv_0/bias"])


def test_weights_that_are_not_known_are_told(tmp_path: Path, parameters: Parameters) -> None:
    for released in (through_graph(tmp_path / "a", parameters), through_bundle(tmp_path / "b", parameters)):
        assert (released.name, released.licences) == ("maxim", "")
        assert "could not be checked" in released.remark


@BOTH_WAYS
def test_a_missing_parameter_is_named(tmp_path: Path, parameters: Parameters, way: Way) -> None:
    without = {k: v for k, v in parameters.items() if k != "stage_1_input_fuse_sam_0/in_project_x/bias"}
    line = error_of(way, tmp_path, without)
    assert "stage_1_input_fuse_sam_0" in line
    assert "in_project_x/bias is missing" in line


@BOTH_WAYS
@pytest.mark.parametrize("shape", [(4, 4, 1), (8, 4)])
def test_a_wrong_shape_is_named(tmp_path: Path, parameters: Parameters, way: Way, shape: tuple[int, ...]) -> None:
    name = "stage_0_cross_gating_block_0/in_project_y/kernel"
    line = error_of(way, tmp_path, parameters | {name: np.ones(shape, np.float32)})
    assert "in_project_y/kernel has shape" in line
    assert "expected (4, 4)" in line


@BOTH_WAYS
def test_a_parameter_too_many_is_named(tmp_path: Path, parameters: Parameters, way: Way) -> None:
    line = error_of(way, tmp_path, parameters | {"stage_0_encoder_block_0/Conv_7/bias": np.ones(4, np.float32)})
    assert "Conv_7/bias is unexpected" in line


def test_a_tensor_of_a_graph_that_nothing_takes(tmp_path: Path, parameters: Parameters) -> None:
    tensors, nodes = as_graph(parameters)
    write_graph_model(tmp_path, tensors | {"left/over": np.ones((2, 2), np.float32)}, nodes)
    with pytest.raises(WeightsDamaged, match="tensor left/over is unexpected"):
        from_graph_model(read_graph_model(tmp_path), TINY)


def test_another_network_in_a_graph(tmp_path: Path) -> None:
    write_graph_model(tmp_path, {"w": np.ones((3, 3, 3, 8), np.float32)})
    with pytest.raises(WeightsDamaged, match="no part of a released MAXIM"):
        from_graph_model(read_graph_model(tmp_path), TINY)


def test_half_precision_is_refused(tmp_path: Path, parameters: Parameters) -> None:
    name = "stage_0_input_conv_0/bias"
    line = error_of(through_bundle, tmp_path, parameters | {name: parameters[name].astype(np.float16)})
    assert "stage_0_input_conv_0/bias has type float16, expected float32" in line
