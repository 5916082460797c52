"""The networks that the contract is held against: small ones of every registered architecture, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from exactness import relative
from image_in_memory import Memory, joined
from toy_network import ToyConfig

from deblurcli.networks import architecture
from deblurcli.networks.base import Architecture
from deblurcli.networks.fcn.network import FCNConfig
from deblurcli.networks.maxim.network import MAXIMConfig
from deblurcli.networks.mtcnn.network import MultiTaskConfig
from deblurcli.networks.nafnet.network import NAFNetConfig
from deblurcli.networks.srn.network import SRNConfig
from deblurcli.tiling.budget import PixelBudget


@dataclass(frozen=True)
class Case:
    """A small network.

    Attributes:
        name: what sets it apart.
        config: its hyper-parameters.
        last: the layer that makes the last prediction, or what is added to the blurry image for it.
        residual: whether the blurry image is added.
        architecture: filled in below.
    """

    name: str
    config: Any
    last: str
    residual: bool = True
    architecture: str = ""

    @property
    def entry(self) -> Architecture[Any, Any]:
        return architecture(self.architecture)

    @property
    def multiple(self) -> int:
        return int(self.config.size_multiple)

    def __str__(self) -> str:
        return f"{self.architecture}, {self.name}"


S = (4, 6, 8)  # SRN's channels

# The first one of an architecture stands for it where a test takes long; it adds the blurry image.
OF_ARCHITECTURE: dict[str, Sequence[Case]] = {
    "srn": (
        Case("residual", SRNConfig(S, 3, 1, resize="area", global_residual=True), "dec1.1"),
        Case("native", SRNConfig((32, 32, 32), 3, 1, resize="area", global_residual=True), "dec1.1"),
        Case("released lstm", SRNConfig(S, image_channels=1, blocks=1), "dec1.1", residual=False),
        Case("released color", SRNConfig(S, recurrence="none", blocks=1), "dec1.1", residual=False),
        Case("5, area", SRNConfig(S, blocks=1, resize="area"), "dec1.1", residual=False),
        Case("3, two blocks", SRNConfig(S, 3, 2), "dec1.2", residual=False),
        Case("rnn", SRNConfig(S, 3, 1, recurrence="rnn"), "dec1.1", residual=False),
        Case("rnn, 5, area", SRNConfig(S, blocks=1, recurrence="rnn", resize="area"), "dec1.1", residual=False),
        Case("conv, one scale", SRNConfig(S, 3, 2, recurrence="conv", scales=1), "dec1.2", residual=False),
        Case("plain, two scales", SRNConfig(S, 3, 1, block="plain", scales=2), "dec1.1", residual=False),
        Case("grey", SRNConfig(S, 3, 1, image_channels=1, global_residual=True), "dec1.1"),
        Case("nothing shared", SRNConfig(S, 3, 1, recurrence="conv", shared=False), "dec1.1", residual=False),
        Case("flat", SRNConfig(S, 3, 1, structure="flat", resize="area"), "dec1.1", residual=False),
    ),
    "nafnet": (
        Case("as released", NAFNetConfig(8, (1, 1, 1, 3), 1, (1, 1, 1, 1)), "ending"),
        Case("many blocks", NAFNetConfig(8, (2, 1), 2, (1, 3)), "ending"),
        Case("levels without blocks", NAFNetConfig(8, (1, 0, 2), 0, (1, 1, 0)), "ending"),
        Case("grey", NAFNetConfig(8, (1, 1, 2), 1, (1, 1, 1), image_channels=1), "ending"),
        Case("windows", NAFNetConfig(8, (1, 1), 1, (1, 1), window=24), "ending"),
    ),
    "maxim": (
        Case("small", MAXIMConfig(4, (2, 2), 1, 1, 1), "stages.0.pictures.0"),
        Case("two stages", MAXIMConfig(4, (4, 2, 2), 1, 1, 2), "stages.1.pictures.0"),
        Case("one stage", MAXIMConfig(4, (2, 2, 4), 2, 2, 1), "stages.0.pictures.0"),
        Case("grey", MAXIMConfig(8, (2, 2), 1, 1, 2, image_channels=1), "stages.1.pictures.0"),
    ),
    "fcn": (
        Case("as published", FCNConfig(6, 2, 2, 1, 2), "tail"),
        Case("other patches, grey", FCNConfig(4, 1, 0, 1, 2, (2, 1, 1, 1), (2, 2, 1, 1), 1), "tail"),
    ),
    "mt-cnn": (
        Case("residual", MultiTaskConfig(4, 4, global_residual=True), "conv21"),
        Case("native", MultiTaskConfig(32, 32, global_residual=True), "conv21"),
        Case("as published", MultiTaskConfig(6, 4), "conv21", residual=False),
        Case("svrnn, grey", MultiTaskConfig(4, 6, "svrnn", image_channels=1), "conv21", residual=False),
    ),
    "toy": (Case("says nothing of tiling", ToyConfig(6), "last"),),
}
CASES = [
    Case(case.name, case.config, case.last, case.residual, architecture)
    for architecture, cases in OF_ARCHITECTURE.items()
    for case in cases
]
FIRST = [next(case for case in CASES if case.architecture == name) for name in OF_ARCHITECTURE]

# What these have of their own is in other cases too, one thing at a time.
THOROUGH = {
    *("srn, 5, area", "srn, rnn, 5, area", "srn, plain, two scales", "nafnet, many blocks", "nafnet, grey"),
    *("maxim, two stages", "maxim, grey", "fcn, other patches, grey", "mt-cnn, svrnn, grey"),
}
every_case = pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.thorough) if str(case) in THOROUGH else case for case in CASES],
    ids=str,
)
every_architecture = pytest.mark.parametrize("case", FIRST, ids=lambda case: case.architecture)


def picture(case: Case, height: int, width: int, batch: int = 1) -> torch.Tensor:
    """Waves and noise, (N, C, height, width) in [0, 1], sides rounded up to what the network takes."""
    channels, height, width = (
        case.config.image_channels,
        *(-(-side // case.multiple) * case.multiple for side in (height, width)),
    )
    generator = torch.Generator().manual_seed(height * 1000 + width)
    y, x = torch.meshgrid(torch.arange(height) / 9, torch.arange(width) / 7, indexing="ij")
    waves = torch.stack([x.sin(), y.cos(), (x + y).sin()])[:channels] / 2 + 0.5
    noise = torch.rand((batch, channels, height, width), generator=generator)
    return 0.7 * waves + 0.3 * noise


@torch.no_grad()
def make(case: Case, change: float | None = None, seed: int = 3) -> Any:
    """A network in which every weight counts: random ones, by which values keep their size from layer to layer.

    Args:
        case: says which.
        change: the mean difference that it makes to a picture, where the blurry image is added to its result. A
            network that restores makes one of some hundredths.
        seed: of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = case.entry.build(case.config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1 and parameter.shape[0] > 1:
            parameter.copy_(noise / parameter[0].numel() ** 0.5)
        else:  # biases and scales, around what they begin with
            parameter.add_(0.3 * noise)
    if change is not None:
        assert case.residual
        x = picture(case, 64, 64)
        difference = float((network(x)[-1] - x).abs().mean())
        for parameter in network.get_submodule(case.last).parameters():
            parameter.mul_(change / difference)
    return network


@torch.inference_mode()
def run(case: Case, network: Any, source: Memory, pixels: int) -> torch.Tensor:
    """The image, restored with so many pixels at once; NaN where nothing was emitted."""
    return joined(case.entry.run, network, source, PixelBudget(pixels))


@torch.inference_mode()
def whole(network: Any, x: torch.Tensor) -> torch.Tensor:
    """The image through the network itself."""
    result: torch.Tensor = network(x)[-1]
    return result


def exact(case: Case) -> bool:
    return case.entry.tiling.kind == "exact"


def change_of(case: Case) -> float:
    """The mean difference that a network makes here to a picture it restores.

    The bound of an approximate architecture is that of trained networks. Tiles of random weights differ by up to half
    of the network's whole change from the whole; so that change is put in proportion to the bound.
    """
    return 0.02 if exact(case) else 1.5 * case.entry.tiling.bound


def for_tiles(case: Case) -> Any:
    """A network to compare tiles with the whole: any where they are exact, else one that changes little enough."""
    return make(case, None if exact(case) else change_of(case))


def is_the_whole(case: Case, network: Any, result: torch.Tensor, wanted: torch.Tensor, x: torch.Tensor) -> bool:
    """Whether what came in tiles is what the whole image gives, as nearly as the architecture declares.

    The declared bound is for images in [0, 1]. What is exact but for rounding must be so everywhere; the compiled
    library's convolutions round more than PyTorch's. What is not must still be nearer to it than the blurry image is.
    """
    difference = float((result - wanted).abs().mean())
    if exact(case):
        near = relative(result, wanted) < (1e-4 if case.entry.runs_natively(network) else 1e-5)
    else:
        near = difference < 0.7 * float((x - wanted).abs().mean())
    return near and difference <= case.entry.tiling.bound
