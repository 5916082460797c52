from __future__ import annotations

import subprocess
import sys
import textwrap
from functools import partial

import pytest
import torch
from exactness import relative
from image_in_memory import Memory, joined

from deblurcli.networks.srn.network import SRN, SRNConfig, grow, shrink
from deblurcli.networks.srn.streaming import (
    needed_to_grow,
    receptive_radius,
    receptive_radius_of_all_scales,
    restore,
)
from deblurcli.tiling.budget import PixelBudget

pytestmark = pytest.mark.usefixtures("one_thread")

CHANNELS = (4, 6, 8)
CONFIGS = {
    "lstm, area, residual": SRNConfig(CHANNELS, kernel_size=3, blocks=1, resize="area", global_residual=True),
    "lstm, 3, two blocks": SRNConfig(CHANNELS, kernel_size=3, blocks=2),
    "conv, one scale": SRNConfig(CHANNELS, kernel_size=3, blocks=2, recurrence="conv", scales=1),
}


restored = partial(joined, restore)


@torch.inference_mode()
def test_narrow_tiles_read_only_what_they_can_depend_on(make_network):
    config = CONFIGS["conv, one scale"]
    source = Memory(torch.rand(1, 3, 16, 400))
    restored(make_network(config), source, PixelBudget(1))
    widths = [right - left for _, _, left, right in source.reads]
    assert max(widths) == 16 + 2 * receptive_radius(config)


@torch.inference_mode()
def with_positive_weights(config: SRNConfig) -> SRN:
    """On a black image with one bright pixel, every dependency shows as a value that is not exactly zero."""
    network = SRN(config).double()
    for name, parameter in network.named_parameters():
        parameter.fill_(0.0 if name.endswith("bias") else 1 / parameter[0, 0].numel())
    return network


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("recurrence", ["convlstm", "rnn", "conv", "none"])
@pytest.mark.parametrize("structure", ["encoder-decoder", "flat"])
@torch.inference_mode()
def test_receptive_radius_is_as_far_as_a_pixel_is_felt(kernel, blocks, recurrence, structure):
    config = SRNConfig(
        (1, 1, 1), kernel, blocks, recurrence=recurrence, structure=structure, image_channels=1, scales=1
    )
    network = with_positive_weights(config)
    farthest, limit = 0, receptive_radius(config)
    middle = (limit + 12) // 4 * 4
    for place in range(middle, middle + 4):
        for upright in (True, False):
            image = torch.zeros(1, 1, 2 * middle, 8, dtype=torch.float64)
            image[:, :, place, 3] = 1
            image = image if upright else image.transpose(2, 3).contiguous()
            state = torch.zeros(1, network.cell.state_channels, *(side // config.stride for side in image.shape[2:]))
            felt = network.restore_scale(image, image, state.double())[0][0, 0].sum(int(upright)).nonzero()
            farthest = max(farthest, place - int(felt[0]), int(felt[-1]) - place)
    assert limit - 16 <= farthest <= limit


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("resize", ["tensorflow", "area"])
@torch.inference_mode()
def test_receptive_radius_through_scales_is_enough(kernel, resize):
    config = SRNConfig((1, 1, 1), kernel, 1, resize=resize, image_channels=1)
    network = with_positive_weights(config)
    limit = receptive_radius_of_all_scales(config)
    middle = limit + 32
    farthest = 0
    for place in range(middle, middle + 16):
        image = torch.zeros(1, 1, 2 * middle, 16, dtype=torch.float64)
        image[:, :, place, 4] = 1  # a column that "tensorflow" keeps at every scale
        felt = network(image)[-1][0, 0].sum(1).nonzero()
        farthest = max(farthest, place - int(felt[0]), int(felt[-1]) - place)
    assert limit / 2 <= farthest <= limit


@torch.inference_mode()
def test_no_scale_runs_further_ahead_than_the_finer_one_needs(make_network):
    """What was read and not yet given out is what memory is needed for; it must not grow with the height."""
    config = CONFIGS["lstm, area, residual"]
    network = make_network(config)
    most = []
    for height in (1024, 2048):
        source, ahead = Memory(torch.rand(1, 3, height, 16)), [0]

        def emit(top: int, left: int, tile: torch.Tensor, source: Memory = source, ahead: list[int] = ahead) -> None:
            ahead.append(max(bottom for _, bottom, _, _ in source.reads) - top)

        restore(network, source, emit, PixelBudget(16 * 24), lambda share: None)
        most.append(max(ahead))
    assert most[0] == most[1] < 2 * receptive_radius_of_all_scales(config) + 4 * 3 * 24


@pytest.mark.parametrize("convention", ["tensorflow", "area"])
def test_grown_rows_are_those_of_the_grown_whole(convention):
    coarse = torch.rand(1, 2, 9, 6)
    whole = grow(coarse, convention)
    for top, bottom in ((0, 18), (0, 4), (5, 9), (4, 12), (17, 18)):
        first, end = needed_to_grow(top, bottom, 9)
        tile = grow(coarse[:, :, first:end], convention)[:, :, top - 2 * first : bottom - 2 * first]
        assert torch.allclose(tile, whole[:, :, top:bottom], atol=1e-6)


@torch.inference_mode()
def test_memory_that_runs_out_twice_ends_in_narrow_columns(make_network):
    config = CONFIGS["lstm, 3, two blocks"]
    network = make_network(config, seed=3)
    image = torch.rand(1, 3, 64, 576)
    source, size = Memory(image, {4, 7, 12}), PixelBudget(576 * 32)
    assert relative(restored(network, source, size), network(image)[-1]) < 1e-5
    assert size.pixels == 576 * 4


@torch.inference_mode()
def test_rows_that_are_done_are_not_read_again(make_network):
    config = CONFIGS["conv, one scale"]
    height, width = 800, 48
    source, size = Memory(torch.rand(1, 3, height, width), {4}), PixelBudget(width * 168)
    restored(make_network(config), source, size)
    assert size.pixels == width * 84
    rows = sum(bottom - top for top, bottom, _, _ in source.reads)
    # Above the first row that is not done yet: the context, and what entered the network but had not come out.
    assert height < rows <= height + 2 * receptive_radius(config) + 4


LIMITED = """
    import gc
    import resource
    from pathlib import Path
    import torch
    from deblurcli.networks.srn.network import SRN, SRNConfig
    from deblurcli.tiling.budget import PixelBudget
    from deblurcli.networks.srn.streaming import restore

    gc.disable()  # whether it happens to run must not matter
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = SRN(SRNConfig((8, 12, 16), 3, 1, scales=2)).eval()
    image = torch.rand(1, 3, 640, 512)

    class Source:
        height, width = image.shape[2:]
        def read(self, top, bottom, left, right):
            return image[:, :, top:bottom, left:right].clone()

    def restored(size):
        result = torch.full_like(image, float("nan"))
        def emit(top, left, tile):
            result[:, :, top:top + tile.shape[2], left:left + tile.shape[3]] = tile
        restore(network, Source(), emit, size, lambda share: None)
        return result

    small = restored(PixelBudget(512 * 16))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (40 << 20)  # one tile of the whole image takes more
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    size = PixelBudget(1 << 20)
    limited = restored(size)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    print(size.pixels, float((limited - small).abs().max() / small.std()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on a process's memory")
def test_a_limit_on_the_memory_is_kept():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(LIMITED)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pixels, difference = done.stdout.split()
    assert int(pixels) < 1 << 20
    assert float(difference) < 1e-5


def test_shrinking_by_one_changes_nothing():
    x = torch.rand(1, 3, 4, 4)
    assert shrink(x, 1, "area") is x
