"""What a network gets that says nothing of tiles: the whole image where it fits, else overlapping windows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import toy_network
from cases import FIRST, make, picture, run, whole
from image_in_memory import Memory, joined

from deblurcli.networks import ARCHITECTURES
from deblurcli.networks.base import Tiling
from deblurcli.tiling.budget import PixelBudget

pytestmark = pytest.mark.usefixtures("one_thread")

TOY = next(case for case in FIRST if case.architecture == "toy")


def test_it_is_declared_approximate():
    assert toy_network.ARCHITECTURE.restore is None
    assert TOY.entry.tiling.kind == "approximate" and TOY.entry.tiling.bound > 0


def test_what_fits_is_not_cut():
    network, source = make(TOY), Memory(picture(TOY, 64, 80))
    assert torch.allclose(run(TOY, network, source, 64 * 80), whole(network, source.image), atol=1e-6)
    assert source.reads == [(0, 64, 0, 80)]


@pytest.mark.parametrize(("height", "width"), [(100, 140), (16, 300), (300, 16)])
def test_what_does_not_fit_goes_in_overlapping_windows(height: int, width: int):
    network, source = make(TOY), Memory(picture(TOY, height, width))
    budget = source.image.shape[2] * source.image.shape[3] // 3
    result = run(TOY, network, source, budget)
    assert source.largest <= budget
    times = torch.zeros(source.image.shape[2:])
    for top, bottom, left, right in source.reads:
        assert all(side % 4 == 0 for side in (top, bottom, left, right))
        times[top:bottom, left:right] += 1
    assert times.min() == 1 and times.max() > 1
    assert not torch.allclose(result, whole(network, source.image), atol=1e-4)


def test_far_from_the_edges_of_windows_it_is_the_whole():
    """Its two convolutions reach two pixels far."""
    network, source = make(TOY), Memory(picture(TOY, 40, 400))
    result, wanted = run(TOY, network, source, 40 * 100), whole(network, source.image)
    edges = {edge for _, _, *sides in source.reads for edge in sides} - {0, 400}
    far = [column for column in range(400) if all(abs(column - edge) > 2 for edge in edges)]
    assert len(far) > 300
    assert torch.allclose(result[..., far], wanted[..., far], atol=1e-5)


def test_windows_of_nothing_but_the_image_change_nothing():
    """What overlaps adds up to one, whatever the sizes of image and windows."""
    network = make(TOY, change=0.0)
    for height, width, pixels in ((64, 80, 700), (20, 300, 1), (164, 148, 5000), (44, 48, 2000)):
        x = picture(TOY, height, width)
        assert torch.allclose(run(TOY, network, Memory(x), pixels), x, atol=1e-6)


def test_a_network_that_must_not_be_cut_is_not(monkeypatch: pytest.MonkeyPatch):
    uncut = replace(toy_network.ARCHITECTURE, tiling=Tiling("whole", 0.0))
    monkeypatch.setitem(ARCHITECTURES, "toy", uncut)  # type: ignore[misc]
    network, x = make(TOY), picture(TOY, 112, 96)
    source = Memory(x)
    assert torch.allclose(run(TOY, network, source, 1), whole(network, x), atol=1e-6)
    assert source.reads == [(0, 112, 0, 96)]
    with pytest.raises(MemoryError, match="cannot restore in tiles"):
        joined(uncut.run, network, Memory(x, {0}), PixelBudget(1 << 20))
