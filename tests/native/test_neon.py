"""The NEON library on other processors: cross-compiled, and run in an emulator where there is one.

On Debian: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exactness import psnr
from random_weights import weights

from deblurcli.native.mixing import in_panels
from deblurcli.native.polyphase import PHASES, strided_weights, transposed_weights
from deblurcli.networks.maxim.blocks import SpatialLinear

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from hatch_build import ARITHMETIC  # noqa: E402

COMPILER, EMULATOR = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64-static")
KINDS = ("winograd", "direct", "thin", "memory", "mixing")
PANEL = 8  # outputs that linear layers compute together
Run = Callable[..., torch.Tensor]

pytestmark = pytest.mark.skipif(not (COMPILER and EMULATOR), reason="no cross compiler or emulator for aarch64")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("neon") / "one_layer"
    sources = CHECKOUT / "deblurcli" / "native" / "src"
    files = [*map(str, sources.glob("*.c")), str(Path(__file__).with_name("one_layer.c"))]
    flags = ["-std=gnu11", "-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror", f"-I{sources}"]
    subprocess.run([str(COMPILER), *flags, *ARITHMETIC, *files, "-o", str(program)], check=True)
    return program


def answer(program: Path, numbers: list[int], values: list[torch.Tensor]) -> torch.Tensor:
    """What one_layer.c says to a job, as flat floats."""
    job = np.array(numbers, np.int64).tobytes() + b"".join(value.contiguous().numpy().tobytes() for value in values)
    done = subprocess.run([str(EMULATOR), str(program)], input=job, capture_output=True)
    assert done.returncode == 0, done.stderr
    return torch.frombuffer(bytearray(done.stdout), dtype=torch.float32)


@pytest.fixture(scope="module")
def run(program: Path) -> Run:
    """Runs a layer: (C, h, W), already with the rows above and below, -> (K, out_rows, out_width)."""

    def run_layer(
        kind: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        shape: tuple[int, int],
        *,
        before: int = 0,
        up: int = 1,
        added: torch.Tensor | None = None,
    ) -> torch.Tensor:
        outputs, relu = len(bias), added is not None
        numbers = [KINDS.index(kind), x.shape[0], outputs, weight.shape[2], before, up, relu, relu, x.shape[2]]
        images = [x] if added is None else [x, added]
        values = [weight.permute(2, 3, 1, 0), bias, *(image.permute(1, 2, 0) for image in images)]
        result = answer(program, [*numbers, x.shape[1], shape[1], shape[0]], values)
        return result.view(*shape, outputs).permute(2, 0, 1)

    return run_layer


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"), [("winograd", 32, 64), ("direct", 6, 32), ("direct", 2, 32), ("thin", 32, 3)]
)
def test_convolutions_are_those_of_torch(run, kind, inputs, outputs, kernel):
    torch.manual_seed(0)
    weight, bias = weights(outputs, inputs, kernel)
    for height, width in [(1, 1), (5, 7), (14, 33)]:
        x, added = torch.randn(inputs, height, width), torch.randn(outputs, height, width)
        padded = F.pad(x, (0, 0, kernel // 2, kernel // 2))
        wanted = F.conv2d(x.double()[None], weight.double(), bias.double(), padding=kernel // 2)[0]
        arguments = kind, padded, weight, bias, (height, width)
        assert psnr(run(*arguments, before=kernel // 2), wanted) > 100, (height, width)
        assert psnr(run(*arguments, before=kernel // 2, added=added), wanted.relu() + added) > 100, (height, width)


@pytest.mark.parametrize("kernel", [3, 5])
def test_strided_convolutions_are_those_of_torch(run, kernel):
    torch.manual_seed(0)
    weight, bias = weights(64, 32, kernel)
    before = (kernel - 2) // 2
    for height, width in [(2, 50), (14, 62)]:
        x = torch.randn(32, height, width)
        wanted = F.conv2d(F.pad(x.double(), (before, kernel - 2 - before) * 2)[None], weight.double(), bias.double(), 2)
        padded = F.pad(x, (0, 0, before, 4 - before))  # two rows of each phase more than come out
        four = torch.cat([padded[:, row::2, column::2] for row, column in PHASES])
        result = run("winograd", four, strided_weights(weight, before), bias, (height // 2, width // 2), before=1)
        assert psnr(result, wanted[0]) > 100


def test_transposed_convolutions_are_those_of_torch(run):
    torch.manual_seed(0)
    weight, bias = torch.randn(64, 32, 4, 4) / 16, torch.randn(32)
    for height, width in [(1, 13), (7, 30)]:
        x, added = torch.randn(64, height, width), torch.randn(32, 2 * height, 2 * width)
        wanted = F.conv_transpose2d(x.double()[None], weight.double(), bias.double(), 2, 1)[0].relu() + added
        padded = F.pad(x, (0, 0, 1, 1))
        three = transposed_weights(weight)
        result = run("winograd", padded, three, bias, (2 * height, 2 * width), before=1, up=2, added=added)
        assert psnr(result, wanted) > 100


def test_the_cell_is_updated_as_torch_does(program):
    torch.manual_seed(0)
    gates, cell = torch.randn(5, 9, 4 * 32) * 8, torch.randn(5, 9, 32)
    gates[0, 0], gates[0, 1] = 200, -200
    result = answer(program, [KINDS.index("memory"), 32, 0, 0, 0, 0, 0, 0, 9, 5, 0, 0], [gates, cell])
    state, hidden = result[: 2 * cell.numel()].view(5, 9, 64), result[2 * cell.numel() :].view(5, 9, 32)
    i, j, f, o = gates.double().chunk(4, 2)
    wanted = cell * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
    assert torch.allclose(state[..., :32].double(), wanted, atol=2e-6)
    assert torch.allclose(hidden.double(), torch.tanh(wanted) * torch.sigmoid(o), atol=2e-6)
    assert torch.equal(state[..., 32:], hidden)


@pytest.mark.parametrize(("axis", "size"), [("block", 4), ("grid", 4), ("grid", 3)])
@torch.inference_mode()
def test_pixels_are_mixed_as_torch_does(program, axis, size):
    torch.manual_seed(0)
    channels, x = 16, torch.randn(1, 2 * size, 3 * size, 16)
    halves, gate, leave = torch.nn.Linear(16, 32), torch.nn.Linear(16, 32), torch.nn.Linear(32, 16)
    scale, shift, spatial = torch.randn(16), torch.randn(16), SpatialLinear(axis, size)
    u, v = F.gelu(halves(F.layer_norm(x, (16,), eps=1e-6)), approximate="tanh").chunk(2, 3)
    passed, g = F.gelu(gate(F.layer_norm(v, (16,), eps=1e-6)), approximate="tanh").chunk(2, 3)
    g = spatial(spatial.cut(F.layer_norm(g, (16,), scale, shift, 1e-6))).reshape(x.shape)
    missing = -(size**2) % 4
    layers = [each for layer in (halves, gate) for each in (in_panels(layer.weight, PANEL), layer.bias)]
    mixing = [scale, shift, F.pad(spatial.weight, (0, 0, 0, missing)), F.pad(spatial.bias, (0, missing))]
    values = [x, *layers, *mixing, in_panels(leave.weight, PANEL), leave.bias]
    numbers = [KINDS.index("mixing"), channels, 0, size, axis == "grid", 0, 0, 0, x.shape[2], x.shape[1], 0, 0]
    result, waiting = answer(program, numbers, values).view(2, *x.shape)
    assert psnr(result, leave(torch.cat([v, passed * g], 3))) > 100
    assert psnr(waiting, u) > 100
