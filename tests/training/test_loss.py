from __future__ import annotations

import pytest
import torch

from deblurcli.networks.srn.network import SRNConfig, targets
from deblurcli.training.loss import LossWeights, loss_of


def scales_of(sharp: torch.Tensor, convention: str = "area") -> list[torch.Tensor]:
    return targets(SRNConfig(resize=convention), sharp)


@pytest.mark.parametrize("convention", ["tensorflow", "area"])
def test_perfect_predictions_lose_almost_nothing(convention):
    sharp = torch.rand(2, 3, 32, 48)
    predictions = scales_of(sharp, convention)
    assert float(loss_of(predictions, predictions, sharp, sharp, LossWeights())) == pytest.approx(3e-3, rel=1e-3)
    others = scales_of(sharp, "area" if convention == "tensorflow" else "tensorflow")
    assert float(loss_of(predictions, others, sharp, sharp, LossWeights(frequency=0.0))) > 0.1


def test_a_constant_error():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    loss = loss_of([sharp + 0.5], [sharp], sharp, sharp, LossWeights(frequency=0.0))
    assert float(loss) == pytest.approx(0.5, abs=1e-5)
    # All of its spectrum is in one of 16 x 9 coefficients: 0.5 x 16 x 16.
    loss = loss_of([sharp + 0.5], [sharp], sharp, sharp, LossWeights(frequency=0.1))
    assert float(loss) == pytest.approx(0.5 + 0.1 * 0.5 * 256 / (16 * 9), abs=1e-4)
    loss = loss_of([sharp + 0.5], [sharp], sharp, sharp, LossWeights(charbonnier=2.0, l2=10.0, frequency=0.0))
    assert float(loss) == pytest.approx(2 * 0.5 + 10 * 0.25, abs=1e-4)


def test_the_papers_loss_is_the_mean_squared_error_of_every_scale():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    predictions = [scale + 0.1 * factor for scale, factor in zip(scales_of(sharp), (4, 2, 1), strict=True)]
    loss = loss_of(predictions, scales_of(sharp), sharp, sharp, LossWeights(charbonnier=0.0, l2=1.0, frequency=0.0))
    assert float(loss) == pytest.approx(0.16 + 0.04 + 0.01, rel=1e-5)


def test_every_scale_has_a_gradient():
    sharp = torch.rand(1, 3, 16, 16)
    predictions = [torch.rand(1, 3, side, side, requires_grad=True) for side in (4, 8, 16)]
    loss_of(predictions, scales_of(sharp), sharp, sharp, LossWeights()).backward()
    assert all(prediction.grad.abs().sum() > 0 for prediction in predictions)


def test_nearly_sharp_pictures_may_count_more_than_strongly_blurred_ones():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    plain, favoured = (
        LossWeights(charbonnier=0.0, l2=1.0, frequency=0.0, sharp_weight=weight) for weight in (0.0, 8.0)
    )

    def times(blurry: torch.Tensor) -> float:
        losses = [loss_of([sharp + 0.1], [sharp], blurry, sharp, weights) for weights in (favoured, plain)]
        return float(losses[0] / losses[1])

    assert times(sharp) == pytest.approx(9)
    assert times(sharp + 0.01) == pytest.approx(5)  # 40 dB
    assert times(sharp + 0.1) == pytest.approx(1.08, abs=0.01)


def test_the_psnr_loss_counts_every_crop_by_the_share_of_its_error_that_goes_away():
    weights = LossWeights(charbonnier=0.0, frequency=0.0, psnr=0.01, sharp_error=1e-5)
    sharp = torch.full((2, 3, 16, 16), 0.25)

    def loss(*errors: float) -> float:
        prediction = sharp + torch.tensor(errors).view(2, 1, 1, 1)
        return float(loss_of([prediction], [sharp], prediction, sharp, weights))

    assert loss(0.1, 0.1) == pytest.approx(-0.2, abs=1e-4)  # 20 dB
    assert loss(0.1, 0.1) - loss(0.05, 0.1) == pytest.approx(loss(0.1, 0.02) - loss(0.1, 0.01), rel=0.1)
    assert loss(0.0, 0.0) == pytest.approx(-0.5)  # what is all but right counts no more than 50 dB


def test_predictions_may_count_by_trust_ratios():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    predictions, weights = [sharp + 0.1, sharp + 0.3], LossWeights(charbonnier=0.0, l2=1.0, frequency=0.0)
    loss = loss_of(predictions, [sharp, sharp], sharp, sharp, weights, torch.tensor([0.75, 0.25]))
    assert float(loss) == pytest.approx(0.75 * 0.01 + 0.25 * 0.09, rel=1e-4)
