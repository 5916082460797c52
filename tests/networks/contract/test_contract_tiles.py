"""Images in tiles against the whole, within what the architecture declares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from cases import Case, every_architecture, every_case, exact, for_tiles, is_the_whole, make, picture, run, whole
from exactness import relative
from image_in_memory import Memory

from deblurcli.tiling.budget import PixelBudget

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("height", "width"), [(112, 32), (32, 208)], ids=["high", "wide"])
@every_case
def test_tiles_of_any_size_make_the_whole(case: Case, height: int, width: int):
    network, x = for_tiles(case), picture(case, height, width, batch=2)
    wanted = whole(network, x)
    for pixels in (1 << 20, x.shape[2] * x.shape[3] - 1, 28 * x.shape[3], 600):
        assert is_the_whole(case, network, run(case, network, Memory(x), pixels), wanted, x), pixels


@every_architecture
def test_the_smallest_tiles_make_the_whole(case: Case):
    network, m = for_tiles(case), case.multiple
    for height, width in ((m, m), (m, 12 * m), (12 * m, m), (3 * m, 2 * m)):
        x = picture(case, height, width)
        assert is_the_whole(case, network, run(case, network, Memory(x), 1), whole(network, x), x), (height, width)


@pytest.fixture(params=[2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    usual = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(usual)


@every_architecture
def test_threads_change_nothing(case: Case, threads: int):
    x, network = picture(case, 112, 80), for_tiles(case)
    torch.set_num_threads(1)
    wanted = whole(network, x)
    torch.set_num_threads(threads)
    for pixels in (1 << 20, 28 * x.shape[3]):
        assert is_the_whole(case, network, run(case, network, Memory(x), pixels), wanted, x), pixels


@every_case
def test_half_precision_tiles_make_the_whole(case: Case):
    network, x = for_tiles(case).to(torch.bfloat16), picture(case, 112, 64)
    wanted, found = (run(case, network, Memory(x), pixels) for pixels in (1 << 20, 28 * x.shape[3]))
    if exact(case):
        assert relative(found, wanted) < 0.05
    assert float((found - wanted).abs().mean()) <= max(case.entry.tiling.bound, 0.01 * float(wanted.std()))


@every_architecture
def test_images_together_in_tiles_are_what_each_is_alone(case: Case):
    network, x = for_tiles(case), picture(case, 96, 80, batch=3)
    together = run(case, network, Memory(x), 3000)
    for image, result in zip(x, together, strict=True):
        assert relative(run(case, network, Memory(image[None]), 3000)[0], result) < 1e-4


@every_case
def test_progress_rises_to_all(case: Case):
    shares: list[float] = []
    source, budget = Memory(picture(case, 64, 304)), PixelBudget(400)
    case.entry.run(make(case), source, lambda *tile: None, budget, shares.append)
    assert all(now <= after + 1e-9 for now, after in pairwise(shares))
    assert 0 <= shares[0] < 0.2 and shares[-1] == pytest.approx(1)


@every_architecture
def test_the_source_is_not_read_again_and_again(case: Case):
    """Tiles overlap, and a network may go over an image once for each of its layers, but not without end."""
    x, network = picture(case, 112, 112), make(case)
    source = Memory(x)
    run(case, network, source, 3000)
    read = sum((bottom - top) * (right - left) for top, bottom, left, right in source.reads)
    assert read < 10 * len(list(network.modules())) * x.shape[2] * x.shape[3]
