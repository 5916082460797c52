from __future__ import annotations

import pytest
import torch
from torch import nn

from deblurcli.networks.fcn.network import FCN, FCNConfig, cut, join

TINY = FCNConfig(6, 2, 2, 1, 2)


@pytest.fixture(scope="module")
def published() -> FCN:
    with torch.device("meta"):
        return FCN(FCNConfig())


def test_parameters_are_the_published_number(published):
    assert sum(parameter.numel() for parameter in published.parameters()) == 20_309_377


def test_multiply_adds_are_the_published_number(published):
    counts: list[int] = []

    def count(layer: nn.Conv2d, _: object, result: torch.Tensor) -> None:
        counts.append(result.numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in published.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        published(torch.empty(1, 3, 256, 256, device="meta"))
    for hook in hooks:
        hook.remove()
    assert sum(counts) == pytest.approx(771e9, rel=1e-3)


def test_patches_are_cut_row_by_row_and_put_together_again():
    x = torch.arange(2 * 3 * 4 * 8.0).view(2, 3, 4, 8)
    patches = cut(x, (2, 4))
    assert patches.shape == (16, 3, 2, 2)
    assert torch.equal(patches[2], x[0, :, :2, 2:4])  # of two images, the first one's second in the row
    assert torch.equal(patches[15], x[1, :, 2:, 6:])
    assert torch.equal(join(patches, (2, 4)), x)


@torch.inference_mode()
def test_stages_see_ever_larger_patches():
    """The first picture is made of halves, each of two quarters; the second draws on both halves, the last on all."""
    torch.manual_seed(1)
    network, x = FCN(TINY), torch.rand(1, 3, 16, 16)
    other = x.clone()
    other[..., 8:, :] = torch.rand(8, 16)
    above = [torch.equal(a[..., :8, :], b[..., :8, :]) for a, b in zip(network(x), network(other), strict=True)]
    assert above == [True, False, False]


@pytest.mark.parametrize(
    ("settings", "multiple"),
    [({}, 8), ({"patch_columns": (3, 3, 1, 1)}, 24), ({"patch_rows": (1, 1, 1, 1), "patch_columns": (1, 1, 1, 1)}, 4)],
)
def test_size_multiple_is_that_of_the_patches(settings, multiple):
    assert FCNConfig(**settings).size_multiple == multiple


@pytest.mark.parametrize("counts", [(2, 4, 1, 1), (2, 1, 1), (2, 2, 2, 2), (0, 0, 0, 1), ()])
def test_patches_that_do_not_nest_are_refused(counts):
    for name in ("patch_rows", "patch_columns"):
        with pytest.raises(ValueError, match=name):
            FCNConfig(**{name: counts})
