from __future__ import annotations

import pytest
import torch

from deblurcli.networks.srn import shrink
from deblurcli.training.loss import LossWeights, multi_scale_loss


@pytest.mark.parametrize("convention", ["tensorflow", "area"])
def test_perfect_predictions_lose_almost_nothing(convention):
    sharp = torch.rand(2, 3, 32, 48)
    predictions = [shrink(sharp, factor, convention) for factor in (4, 2, 1)]
    assert float(multi_scale_loss(predictions, sharp, sharp, convention, LossWeights())) == pytest.approx(
        3e-3, rel=1e-3
    )
    other = "area" if convention == "tensorflow" else "tensorflow"
    assert float(multi_scale_loss(predictions, sharp, sharp, other, LossWeights(frequency=0.0))) > 0.1


def test_a_constant_error():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    loss = multi_scale_loss([sharp + 0.5], sharp, sharp, "area", LossWeights(frequency=0.0))
    assert float(loss) == pytest.approx(0.5, abs=1e-5)
    # All of its spectrum is in one of 16 x 9 coefficients: 0.5 x 16 x 16.
    loss = multi_scale_loss([sharp + 0.5], sharp, sharp, "area", LossWeights(frequency=0.1))
    assert float(loss) == pytest.approx(0.5 + 0.1 * 0.5 * 256 / (16 * 9), abs=1e-4)
    loss = multi_scale_loss([sharp + 0.5], sharp, sharp, "area", LossWeights(charbonnier=2.0, l2=10.0, frequency=0.0))
    assert float(loss) == pytest.approx(2 * 0.5 + 10 * 0.25, abs=1e-4)


def test_the_papers_loss_is_the_mean_squared_error_of_every_scale():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    predictions = [shrink(sharp, factor, "area") + 0.1 * factor for factor in (4, 2, 1)]
    loss = multi_scale_loss(predictions, sharp, sharp, "area", LossWeights(charbonnier=0.0, l2=1.0, frequency=0.0))
    assert float(loss) == pytest.approx(0.16 + 0.04 + 0.01, rel=1e-5)


def test_every_scale_has_a_gradient():
    sharp = torch.rand(1, 3, 16, 16)
    predictions = [torch.rand(1, 3, side, side, requires_grad=True) for side in (4, 8, 16)]
    multi_scale_loss(predictions, sharp, sharp, "area", LossWeights()).backward()
    assert all(prediction.grad.abs().sum() > 0 for prediction in predictions)


def test_mild_pictures_may_count_more_than_strongly_blurred_ones():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    plain, favoured = (LossWeights(charbonnier=0.0, l2=1.0, frequency=0.0, mild=mild) for mild in (0.0, 8.0))

    def times(blurry: torch.Tensor) -> float:
        losses = [multi_scale_loss([sharp + 0.1], blurry, sharp, "area", weights) for weights in (favoured, plain)]
        return float(losses[0] / losses[1])

    assert times(sharp) == pytest.approx(9)
    assert times(sharp + 0.01) == pytest.approx(5)  # 40 dB
    assert times(sharp + 0.1) == pytest.approx(1.08, abs=0.01)
