"""The network alone: shapes, errors, precision, independence of the images of a batch."""

from __future__ import annotations

import re

import pytest
import torch
from cases import Case, every_architecture, every_case, make, picture
from exactness import relative

pytestmark = pytest.mark.usefixtures("one_thread")


@every_case
@torch.inference_mode()
def test_the_last_prediction_is_the_image_at_full_size(case: Case):
    network, m = make(case), case.multiple
    for batch, height, width in ((1, m, m), (2, 2 * m, m), (1, m, 3 * m)):
        x = picture(case, height, width, batch)
        assert x.shape == (batch, case.config.image_channels, height, width)
        predictions = network(x)
        assert isinstance(predictions, list) and predictions[-1].shape == x.shape
        for prediction in predictions:
            assert prediction.dtype == torch.float32 and prediction.isfinite().all()
            assert prediction.shape[:2] == x.shape[:2]


@every_case
@torch.inference_mode()
def test_the_image_is_not_changed_and_nothing_is_remembered(case: Case):
    network, x = make(case), picture(case, 32, 48)
    before, first = x.clone(), network(x)[-1].clone()
    network(picture(case, 48, 32))
    assert torch.equal(network(x)[-1], first)
    assert torch.equal(x, before)


@every_case
@torch.inference_mode()
def test_images_of_a_batch_do_not_mix(case: Case):
    network, x = make(case), picture(case, 24, 32, batch=3)
    for image, wanted in zip(x, network(x)[-1], strict=True):
        assert relative(network(image[None])[-1][0], wanted) < 1e-4


@every_case
def test_shapes_that_do_not_fit_are_refused(case: Case):
    network, channels, m = make(case), case.config.image_channels, case.multiple
    message = re.escape(f"expected (N, {channels}, H, W) with H and W multiples of {m}")
    for shape in ((1, channels, m, m + 1), (1, channels, m + m // 2, m), (1, 4 - channels, m, m), (channels, m, m)):
        with pytest.raises(ValueError, match=message) as caught:
            network(torch.zeros(shape))
        assert "\n" not in str(caught.value) and str(shape) in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@every_case
@torch.inference_mode()
def test_half_precision_stays_near(case: Case, dtype: torch.dtype):
    """An image in float32 comes back in it; one in the network's own precision may come back in that."""
    network, x = make(case, 0.05 if case.residual else None), picture(case, 48, 64)
    wanted = network(x)[-1]
    network.to(dtype)
    found = network(x)[-1]
    assert found.dtype == torch.float32
    spread = 0.05 if case.residual else float(wanted.std())
    assert float((found - wanted).abs().mean()) < 0.1 * spread
    assert network(x.to(dtype))[-1].isfinite().all()


@every_architecture
@torch.inference_mode()
def test_half_precision_does_not_round_the_image(case: Case):
    network, x = make(case, change=0.0).to(torch.bfloat16), picture(case, 32, 32)
    assert torch.equal(network(x)[-1], x)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@every_case
def test_gradients_reach_every_weight(case: Case, precision: str):
    """Together the predictions depend on all that is trained; ReLU may switch some off for a choice of weights."""
    x, missing = picture(case, 32, 32), {name for name, _ in case.entry.build(case.config).named_parameters()}
    for seed in range(8):
        network = make(case, seed=seed).requires_grad_(True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            predictions = network(x)
        torch.stack([prediction.float().square().mean() for prediction in predictions]).sum().backward()
        missing -= {name for name, value in network.named_parameters() if value.grad is not None and value.grad.any()}
        if not missing:
            return
    assert missing == set()
