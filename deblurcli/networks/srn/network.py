"""The scale-recurrent network (SRN) for motion deblurring, in PyTorch.

Source: Tao, Gao, Shen, Wang, Jia, "Scale-recurrent Network for Deep Image Deblurring", CVPR 2018, section 3, and the
conventions of the authors' released graph where the paper leaves room (they are named where they matter below).
This file and `layers` need nothing but torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.module import NetworkModule
from deblurcli.networks.srn.layers import BlockKind, Conv, ConvLSTM, ConvPair, ConvRNN, Stateless, Upsample

Recurrence = Literal["convlstm", "rnn", "conv", "none"]
Resize = Literal["tensorflow", "area"]
Structure = Literal["encoder-decoder", "flat"]


@dataclass(frozen=True)
class SRNConfig:
    """Everything that distinguishes one SRN from another.

    Attributes:
        channels: feature channels at full, half and quarter resolution of a scale.
        kernel_size: 5 as in the released weights, or 3 as in the paper's Table 1 (its parameter counts).
        blocks: residual blocks per stage.
        block: "residual" (EDRB), or "plain", the same two convolutions without the shortcut (SR-ED).
        structure: "encoder-decoder", or "flat": the same layers in a row at full resolution without strides or skip
            connections, and convolutions like the others where features would grow (SR-RB; SR-Flat if plain).
        scales: number of scales, each half the resolution of the next.
        shared: the same weights at every scale; False for weights of its own at each (SC).
        recurrence: what stands in the bottleneck. "convlstm" (released `lstm`), "rnn" (a convolutional RNN),
            "conv" (a plain 3x3 convolution, no state: the paper's w/o R and SS), "none" (released `gray`, `color`).
        image_channels: 3 for RGB, 1 for a model that restores R, G and B each as a grey image.
        resize: "tensorflow" (bilinear from the top left corner, no antialiasing: the released weights), or "area"
            (averages down, half-pixel bilinear up).
        global_residual: predict the difference to the blurry image instead of the sharp image itself.
    """

    channels: tuple[int, int, int] = (32, 64, 128)
    kernel_size: int = 5
    blocks: int = 3
    block: BlockKind = "residual"
    structure: Structure = "encoder-decoder"
    scales: int = 3
    shared: bool = True
    recurrence: Recurrence = "convlstm"
    image_channels: int = 3
    resize: Resize = "tensorflow"
    global_residual: bool = False

    def __post_init__(self) -> None:
        named = {self.recurrence: Recurrence, self.resize: Resize, self.block: BlockKind, self.structure: Structure}
        for value, kind in named.items():
            if value not in get_args(kind):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(kind))}")
        if len(self.channels) != 3 or self.kernel_size not in (3, 5) or self.image_channels not in (1, 3):
            raise ValueError("channels must be three numbers, kernel_size 3 or 5, image_channels 1 or 3")

    @property
    def stride(self) -> int:
        """Pixels of a scale, to each side, per place of its bottleneck."""
        return 1 if self.structure == "flat" else 4

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this: two strides of 2 at the coarsest scale."""
        return 4 << (self.scales - 1)


RELEASED = {  # the authors' three released variants
    "lstm": SRNConfig(image_channels=1),
    "gray": SRNConfig(image_channels=1, recurrence="none"),
    "color": SRNConfig(image_channels=3, recurrence="none"),
}

_TABLE_1 = SRNConfig(kernel_size=3, image_channels=1)
_NO_STATE = replace(_TABLE_1, recurrence="conv")
ABLATIONS = {  # the paper's Table 1, whose parameter counts are those of kernel 3 on grey images; docs/networks.md
    "SS": replace(_NO_STATE, scales=1),
    "SC": replace(_NO_STATE, shared=False),
    "w/o R": _NO_STATE,
    "RNN": replace(_TABLE_1, recurrence="rnn"),
    "SR-Flat": replace(_NO_STATE, structure="flat", block="plain"),
    "SR-RB": replace(_NO_STATE, structure="flat"),
    "SR-ED": replace(_TABLE_1, block="plain"),
    "SR-EDRB1": replace(_TABLE_1, blocks=1),
    "SR-EDRB2": replace(_TABLE_1, blocks=2),
    "SR-EDRB3": _TABLE_1,
}


def shrink(x: Tensor, factor: int, convention: Resize) -> Tensor:
    """(N, C, H, W) -> (N, C, H / factor, W / factor); sides must be multiples of `factor`.

    The released graph resizes with TensorFlow 1's bilinear, which takes the source coordinate as destination x factor:
    for whole factors that is every `factor`-th pixel. Every output row depends on its own `factor` input rows only.
    """
    if factor == 1:
        return x
    if convention == "tensorflow":
        return x[..., ::factor, ::factor]
    return F.avg_pool2d(x, factor)


def grow(x: Tensor, convention: Resize) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), bilinear, the far neighbour clamped to the edge."""
    if x.shape[1] == 0:  # the state of a network without one, which F.interpolate refuses
        return x.new_empty(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    if convention == "area":
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    for dim in (2, 3):
        following = torch.cat([x.narrow(dim, 1, x.shape[dim] - 1), x.narrow(dim, x.shape[dim] - 1, 1)], dim)
        x = torch.stack([x, x + (following - x) * 0.5], dim + 1).flatten(dim, dim + 1)
    return x


def targets(config: SRNConfig, sharp: Tensor) -> list[Tensor]:
    """What the predictions are trained against: the sharp image (N, C, H, W) at every scale, coarsest first.

    Source: Tao et al. 2018, section 3.4.
    """
    return [shrink(sharp, 2**scale, config.resize) for scale in reversed(range(config.scales))]


def recurrent_cell(config: SRNConfig) -> ConvLSTM | ConvRNN | Stateless:
    """What stands in the bottleneck, for as many channels as that has."""
    channels = config.channels[2]
    if config.recurrence == "convlstm":
        return ConvLSTM(channels)
    if config.recurrence == "rnn":
        return ConvRNN(channels)
    return Stateless(channels, convolve=config.recurrence == "conv")


class Scale(NetworkModule):
    """What restores an image at one scale: an encoder-decoder, or its layers in a row."""

    config: SRNConfig

    def __init__(self, config: SRNConfig) -> None:
        super().__init__(config)
        c1, c2, c3 = config.channels
        k = config.kernel_size

        def blocks(channels: int) -> list[nn.Module]:
            return [ConvPair(channels, k, config.block) for _ in range(config.blocks)]

        def down(c_in: int, c_out: int) -> Conv:
            return Conv(c_in, c_out, k, stride=1 if config.structure == "flat" else 2)

        def up(c_in: int, c_out: int) -> nn.Module:
            return Conv(c_in, c_out, k) if config.structure == "flat" else Upsample(c_in, c_out)

        self.enc1 = nn.Sequential(Conv(2 * config.image_channels, c1, k), nn.ReLU(), *blocks(c1))
        self.enc2 = nn.Sequential(down(c1, c2), nn.ReLU(), *blocks(c2))
        self.enc3 = nn.Sequential(down(c2, c3), nn.ReLU(), *blocks(c3))
        self.cell = recurrent_cell(config)
        self.dec3 = nn.Sequential(*blocks(c3), up(c3, c2), nn.ReLU())
        self.dec2 = nn.Sequential(*blocks(c2), up(c2, c1), nn.ReLU())
        self.dec1 = nn.Sequential(*blocks(c1), Conv(c1, config.image_channels, k))

    def restore_scale(self, blurry: Tensor, previous: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One scale: (N, C, h, w) blurry and previous prediction, (N, S, h / 4, w / 4) state -> prediction, state'.

        The state of a flat structure is (N, S, h, w), as all its features are. Images may be float32 while the network
        is not: then they are added up in float32.
        """
        e1 = self.enc1(torch.cat([blurry, previous], 1).to(self.dtype))  # (N, 32, h, w)
        e2 = self.enc2(e1)  # (N, 64, h / 2, w / 2)
        e3 = self.enc3(e2)  # (N, 128, h / 4, w / 4)
        if state is None:
            state = e3.new_zeros(e3.shape[0], self.cell.state_channels, *e3.shape[2:])
        hidden, state = self.cell(e3, state)  # (N, 128, h / 4, w / 4)
        d2 = self.dec3(hidden)  # (N, 64, h / 2, w / 2)
        d1 = self.dec2(d2 + e2 if self.has_skips else d2)  # (N, 32, h, w)
        image = self.dec1(d1 + e1 if self.has_skips else d1).to(blurry.dtype)  # (N, C, h, w)
        # Under autocast too the sum stays in full precision.
        return (image + blurry if self.config.global_residual else image), state

    @property
    def has_skips(self) -> bool:
        """Whether features of the encoder are added to those of the decoder."""
        return self.config.structure == "encoder-decoder"


class SRN(Scale):
    """Such a scale, run from the coarsest to the finest with the same weights, or with weights of its own at each.

    Its own layers are those of the finest scale, and of all others that have none of their own.
    """

    def __init__(self, config: SRNConfig) -> None:
        super().__init__(config)
        others = 0 if config.shared else config.scales - 1
        self.coarser = nn.ModuleList(Scale(config) for _ in range(others))

    def of_scale(self, scale: int) -> Scale:
        """What restores a scale, which 2^scale pixels to each side make one pixel of."""
        return cast(Scale, self.coarser[scale - 1]) if scale and self.coarser else self

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            The prediction of every scale, coarsest first: (N, C, H / 4, W / 4), (N, C, H / 2, W / 2), (N, C, H, W)
            for three scales. Values are not clipped.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        self.check(x)
        config = self.config
        predictions: list[Tensor] = []
        previous: Tensor | None = None
        state: Tensor | None = None
        for scale in reversed(range(config.scales)):
            blurry = shrink(x, 2**scale, config.resize)
            if previous is None:
                previous = blurry
            else:
                previous = grow(previous, config.resize)
                state = grow(state, config.resize) if state is not None else None
            previous, state = self.of_scale(scale).restore_scale(blurry, previous, state)
            predictions.append(previous)
        return predictions
