from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
import torch

from deblurcli.errors import WeightsDamaged
from deblurcli.models.importers.srn_release import convert_release, convert_tensors
from deblurcli.models.importers.tensor_bundle import read_tensor_bundle
from deblurcli.networks.srn.network import RELEASED, SRN, SRNConfig

TINY = SRNConfig(channels=(2, 3, 4), image_channels=1)


def checkpoint_tensors(config: SRNConfig) -> dict[str, np.ndarray]:
    """Random tensors with the names and shapes of the authors' graph (their listing, written out)."""
    rng = np.random.default_rng(5)
    image, (c1, c2, c3), k = config.image_channels, config.channels, config.kernel_size
    shapes: dict[str, tuple[int, ...]] = {
        "enc1_1": (k, k, 2 * image, c1),
        "enc2_1": (k, k, c1, c2),
        "enc3_1": (k, k, c2, c3),
        "dec2_4": (4, 4, c2, c3),
        "dec1_4": (4, 4, c1, c2),
        "dec1_0": (k, k, c1, image),
    }
    for stage, width in ((1, c1), (2, c2), (3, c3)):
        for block in (f"enc{stage}_2", f"enc{stage}_3", f"enc{stage}_4", *(f"dec{stage}_{i}" for i in (1, 2, 3))):
            shapes[f"{block}/conv1"] = shapes[f"{block}/conv2"] = (k, k, width, width)
    if config.recurrence == "convlstm":
        shapes["convLSTM/LSTM_conv"] = (3, 3, 2 * c3, 4 * c3)
    tensors = {}
    for name, shape in shapes.items():
        outputs = shape[2] if name in ("dec2_4", "dec1_4") else shape[3]
        tensors[f"g_net/{name}/weights"] = rng.standard_normal(shape, np.float32)
        tensors[f"g_net/{name}/biases"] = rng.standard_normal(outputs, np.float32)
    return tensors


@pytest.fixture(scope="module")
def gray() -> dict[str, np.ndarray]:
    return checkpoint_tensors(RELEASED["gray"])


@pytest.mark.parametrize("variant", ["lstm", "gray", "color"])
def test_parity_with_the_authors_graph(
    released: dict[str, Path], shared: Path, variant: str, record_property: Callable[[str, object], None]
) -> None:
    config, state = convert_release(read_tensor_bundle(released[variant]))
    assert config == RELEASED[variant]
    network = SRN(config).eval()
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=True)
    oracle = np.load(shared / "oracle" / variant / "oracle.npz")
    with torch.inference_mode():
        outputs = network(torch.from_numpy(oracle["input"]).permute(0, 3, 1, 2))
    differences = [
        float(np.abs(output.permute(0, 2, 3, 1).numpy() - oracle[f"out{i}"]).max()) for i, output in enumerate(outputs)
    ]
    print(f"{variant}: max abs difference, coarsest scale first: " + ", ".join(f"{d:.2e}" for d in differences))
    record_property("max_abs_difference", max(differences))
    assert len(differences) == 3
    assert max(differences) <= 5e-6


@pytest.mark.parametrize("variant", ["lstm", "gray", "color"])
def test_released_variant_is_recognised_and_fits_the_network(variant: str) -> None:
    tensors = checkpoint_tensors(RELEASED[variant])
    config, state = convert_release(tensors)
    assert config == RELEASED[variant]
    network = SRN(config)
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=True)
    assert sum(tensor.size for tensor in state.values()) == sum(tensor.size for tensor in tensors.values())
    if variant == "lstm":
        assert sum(tensor.size for tensor in state.values()) == 8_056_609


def test_small_variant_through_a_file(tmp_path: Path) -> None:
    tensors = checkpoint_tensors(TINY)
    writer.write_bundle(tmp_path / "tiny", tensors)
    state = convert_tensors(read_tensor_bundle(tmp_path / "tiny"), TINY)
    SRN(TINY).load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=True)
    for theirs, ours in {
        "enc1_1": "enc1.0",
        "enc1_2/conv1": "enc1.2.conv1",
        "enc3_4/conv2": "enc3.4.conv2",
        "convLSTM/LSTM_conv": "cell.gates",
        "dec3_3/conv1": "dec3.0.conv1",  # the authors count down: dec3_3 is applied first
        "dec3_1/conv2": "dec3.2.conv2",
        "dec2_4": "dec3.3",
        "dec2_2/conv1": "dec2.1.conv1",
        "dec1_4": "dec2.3",
        "dec1_3/conv2": "dec1.0.conv2",
        "dec1_0": "dec1.3",
    }.items():
        weights = tensors[f"g_net/{theirs}/weights"]
        for tap in (
            (0, 0, 0, 0),
            (1, 2, 0, 0),
            (3, 1, 1, 0) if weights.shape[0] > 3 and weights.shape[2] > 1 else (0,) * 4,
        ):
            assert state[f"{ours}.weight"][tap[3], tap[2], tap[0], tap[1]] == weights[tap]
        np.testing.assert_array_equal(state[f"{ours}.bias"], tensors[f"g_net/{theirs}/biases"])


def naive_convolution(x: np.ndarray, weights: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's conv2d with "SAME" padding, by its definition: x (H, W, in), weights [kh, kw, in, out]."""
    k, size = weights.shape[0], -(-x.shape[0] // stride)
    total = max((size - 1) * stride + k - x.shape[0], 0)
    before = total // 2
    padded = np.pad(x.astype(np.float64), ((before, total - before), (before, total - before), (0, 0)))
    out = np.zeros((size, size, weights.shape[3]))
    for row, column in np.ndindex(size, size):
        window = padded[row * stride : row * stride + k, column * stride : column * stride + k]
        out[row, column] = np.einsum("hwi,hwio->o", window, weights)
    return out


def naive_transposed_convolution(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """TensorFlow's conv2d_transpose, 4x4, stride 2, "SAME": the gradient of the convolution with that padding (1)."""
    size = x.shape[0]
    out = np.zeros((2 * size + 2, 2 * size + 2, weights.shape[2]))
    for row, column in np.ndindex(size, size):
        out[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += np.einsum("i,hwoi->hwo", x[row, column], weights)
    return out[1:-1, 1:-1]


def run(layer: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return layer(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()


def test_converted_layers_compute_what_tensorflow_defines() -> None:
    tensors = checkpoint_tensors(TINY)
    network = SRN(TINY)
    state = convert_tensors(tensors, TINY)
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=True)
    x = np.random.default_rng(6).standard_normal((8, 8, 4), np.float32)
    cases = [
        (network.enc1[0], "enc1_1", 2, naive_convolution(x[..., :2], tensors["g_net/enc1_1/weights"], 1)),
        (network.enc2[0], "enc2_1", 2, naive_convolution(x[..., :2], tensors["g_net/enc2_1/weights"], 2)),
        (network.dec3[3], "dec2_4", 4, naive_transposed_convolution(x, tensors["g_net/dec2_4/weights"])),
    ]
    for layer, name, channels, expected in cases:
        np.testing.assert_allclose(run(layer, x[..., :channels]), expected + tensors[f"g_net/{name}/biases"], atol=1e-4)


def test_order_of_the_blocks_matters_and_is_the_authors() -> None:
    tensors = checkpoint_tensors(TINY)
    network = SRN(TINY)
    state = convert_tensors(tensors, TINY)
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=True)
    x = np.random.default_rng(6).standard_normal((4, 4, 4), np.float32) * 0.01
    y = x.astype(np.float64)
    for block in ("dec3_3", "dec3_2", "dec3_1"):
        inner = y
        for conv in ("conv1", "conv2"):
            name = f"g_net/{block}/{conv}"
            inner = naive_convolution(inner, tensors[f"{name}/weights"], 1) + tensors[f"{name}/biases"]
            inner = np.maximum(inner, 0) if conv == "conv1" else inner
        y = y + inner
    np.testing.assert_allclose(run(network.dec3[:3], x), y, rtol=1e-4)


def test_result_shares_no_memory_with_the_input(gray: dict[str, np.ndarray]) -> None:
    _, state = convert_release(gray)
    assert not np.shares_memory(state["enc1.0.bias"], gray["g_net/enc1_1/biases"])
    assert not np.shares_memory(state["enc1.0.weight"], gray["g_net/enc1_1/weights"])
    assert all(tensor.flags.c_contiguous and tensor.dtype == np.float32 for tensor in state.values())


def test_state_of_the_optimizer_is_ignored(gray: dict[str, np.ndarray]) -> None:
    extra = {
        "beta1_power": np.float32(0.9),
        "beta2_power": np.float32(0.99),
        "global_step": np.int64(523000),
        "g_net/enc1_1/weights/Adam": gray["g_net/enc1_1/weights"],
        "g_net/enc1_1/weights/Adam_1": gray["g_net/enc1_1/weights"],
    }
    _, plain = convert_release(gray)
    _, state = convert_release({**gray, **{name: np.asarray(value) for name, value in extra.items()}})
    assert state.keys() == plain.keys()


def error_of(tensors: dict[str, np.ndarray]) -> str:
    with pytest.raises(WeightsDamaged) as caught:
        convert_release(tensors, "model.index")
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert line.startswith("model.index: tensor ")
    print(line)
    return line


@pytest.mark.parametrize("name", ["g_net/enc2_3/conv1/weights", "g_net/dec1_4/biases", "g_net/dec1_0/biases"])
def test_missing_tensor_is_named(gray: dict[str, np.ndarray], name: str) -> None:
    assert f"tensor {name} is missing" in error_of({key: value for key, value in gray.items() if key != name})


@pytest.mark.parametrize("name", ["d_net/enc1_1/weights", "g_net/enc1_5/conv1/weights", "g_net/Adamant/weights"])
def test_unexpected_tensor_is_named(gray: dict[str, np.ndarray], name: str) -> None:
    assert f"tensor {name} is unexpected" in error_of({**gray, name: np.zeros(1, np.float32)})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("g_net/enc1_1/weights", (5, 5, 6, 32)),  # as in `color`
        ("g_net/enc2_1/weights", (5, 5, 64, 32)),  # in and out swapped
        ("g_net/dec1_4/weights", (4, 4, 64, 32)),
        ("g_net/enc3_1/biases", (128, 1)),
    ],
)
def test_wrong_shape_is_named(gray: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> None:
    line = error_of({**gray, name: np.zeros(shape, np.float32)})
    assert f"tensor {name} has shape {shape}, expected {gray[name].shape}" in line


def test_wrong_type_is_named(gray: dict[str, np.ndarray]) -> None:
    name = "g_net/enc1_1/weights"
    assert f"tensor {name} has type float64" in error_of({**gray, name: gray[name].astype(np.float64)})


def test_mixture_of_variants_is_refused(gray: dict[str, np.ndarray]) -> None:
    color = checkpoint_tensors(RELEASED["color"])
    mixed = {**gray, **{name: color[name] for name in color if "dec1_0" in name}}
    assert "tensor g_net/enc1_1/weights has shape (5, 5, 2, 32), expected (5, 5, 6, 32)" in error_of(mixed)
    half_lstm = {**gray, "g_net/convLSTM/LSTM_conv/biases": np.zeros(512, np.float32)}
    assert "tensor g_net/convLSTM/LSTM_conv/weights is missing" in error_of(half_lstm)
    two = {**gray, "g_net/dec1_0/biases": np.zeros(2, np.float32)}
    assert "tensor g_net/dec1_0/biases has shape (2,), expected (1,) or (3,)" in error_of(two)


def test_other_network_is_refused() -> None:
    assert "not a released SRN checkpoint" in error_of({"resnet/conv1/weights": np.zeros((7, 7, 3, 64), np.float32)})
    assert "not a released SRN checkpoint" in error_of({})
