"""The scale-recurrent network (SRN) for motion deblurring, in PyTorch.

Source: Tao, Gao, Shen, Wang, Jia, "Scale-recurrent Network for Deep Image Deblurring", CVPR 2018, section 3, and the
conventions of the authors' released graph where the paper leaves room (they are named where they matter below).
This file needs nothing but torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.module import NetworkModule

Recurrence = Literal["convlstm", "rnn", "conv", "none"]
Resize = Literal["tensorflow", "area"]
BlockKind = Literal["residual", "plain"]


@dataclass(frozen=True)
class SRNConfig:
    """Everything that distinguishes one SRN from another.

    Attributes:
        channels: feature channels at full, half and quarter resolution of a scale.
        kernel_size: 5 as in the released weights, or 3 as in the paper's Table 1 (its parameter counts).
        blocks: residual blocks per stage.
        block: "residual" (EDRB), or "plain", the same two convolutions without the shortcut (SR-ED).
        scales: number of scales, each half the resolution of the next.
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
    scales: int = 3
    recurrence: Recurrence = "convlstm"
    image_channels: int = 3
    resize: Resize = "tensorflow"
    global_residual: bool = False

    def __post_init__(self) -> None:
        for value, kind in ((self.recurrence, Recurrence), (self.resize, Resize), (self.block, BlockKind)):
            if value not in get_args(kind):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(kind))}")
        if len(self.channels) != 3 or self.kernel_size not in (3, 5) or self.image_channels not in (1, 3):
            raise ValueError("channels must be three numbers, kernel_size 3 or 5, image_channels 1 or 3")

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this: two strides of 2 at the coarsest scale."""
        return 4 << (self.scales - 1)


RELEASED = {  # the authors' three released variants
    "lstm": SRNConfig(image_channels=1),
    "gray": SRNConfig(image_channels=1, recurrence="none"),
    "color": SRNConfig(image_channels=3, recurrence="none"),
}

ABLATIONS = {  # the paper's Table 1, whose parameter counts are those of kernel 3 on grey images
    "SS": SRNConfig(kernel_size=3, image_channels=1, recurrence="conv", scales=1),
    "w/o R": SRNConfig(kernel_size=3, image_channels=1, recurrence="conv"),
    "RNN": SRNConfig(kernel_size=3, image_channels=1, recurrence="rnn"),
    "SR-ED": SRNConfig(kernel_size=3, image_channels=1, block="plain"),
    "SR-EDRB1": SRNConfig(kernel_size=3, image_channels=1, blocks=1),
    "SR-EDRB2": SRNConfig(kernel_size=3, image_channels=1, blocks=2),
    "SR-EDRB3": SRNConfig(kernel_size=3, image_channels=1, blocks=3),
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


class Conv(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding: with stride 2 the larger half goes below and to the right."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(c_in, c_out, kernel_size, stride=stride)
        total = kernel_size - stride  # for sides that are multiples of the stride
        self.before, self.after = total // 2, total - total // 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H / stride, W / stride); sides must be multiples of the stride."""
        if self.before == self.after:  # the same numbers without a padded copy
            return F.conv2d(x, self.weight, self.bias, self.stride, self.before)
        x = F.pad(x, (self.before, self.after, self.before, self.after))
        return F.conv2d(x, self.weight, self.bias, self.stride)


class Upsample(nn.ConvTranspose2d):
    """A transposed 4x4 convolution of stride 2: (N, C, H, W) -> (N, C', 2H, 2W)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, kernel_size=4, stride=2, padding=1)


class ConvPair(nn.Module):
    """Two convolutions; with the shortcut a residual block: x + conv2(ReLU(conv1(x))), nothing after the sum."""

    def __init__(self, channels: int, kernel_size: int, kind: BlockKind) -> None:
        super().__init__()
        self.kind = kind
        self.conv1 = Conv(channels, channels, kernel_size)
        self.conv2 = Conv(channels, channels, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        y = self.conv2(F.relu(self.conv1(x)))
        return x + y if self.kind == "residual" else F.relu(y)


class ConvLSTM(nn.Module):
    """The recurrent bottleneck: a convolutional LSTM cell. Its state is concat(c, h) on channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.state_channels = 2 * channels
        self.gates = Conv(2 * channels, 4 * channels, 3)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) features and (N, 2C, H, W) state -> output, state' of the same shapes."""
        c, h = state.chunk(2, 1)
        return self.update(self.gates(torch.cat([x, h], 1)), c)

    @staticmethod
    def update(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 4C, H, W) gates in the released order i, j, f, o and (N, C, H, W) cell -> output h', state'."""
        i, j, f, o = gates.chunk(4, 1)
        c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)  # TensorFlow's forget bias of 1
        h = torch.tanh(c) * torch.sigmoid(o)
        return h, torch.cat([c, h], 1)


class ConvRNN(nn.Module):
    """A plain convolutional RNN in the LSTM's place (the paper's RNN). Its state is h."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.state_channels = channels
        self.hidden = Conv(2 * channels, channels, 3)
        self.output = Conv(channels, channels, 3)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) features and (N, C, H, W) state -> output, state' of the same shapes."""
        h = torch.tanh(self.hidden(torch.cat([x, state], 1)))
        return self.output(h), h


class Stateless(nn.Module):
    """No recurrence: a 3x3 convolution (the paper's w/o R), or nothing at all (released `gray` and `color`)."""

    state_channels = 0

    def __init__(self, channels: int, convolve: bool) -> None:
        super().__init__()
        self.conv: nn.Module = Conv(channels, channels, 3) if convolve else nn.Identity()

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) features -> the same shape; the state, (N, 0, H, W), stays what it is."""
        return self.conv(x), state


def recurrent_cell(config: SRNConfig) -> ConvLSTM | ConvRNN | Stateless:
    """What stands in the bottleneck, for as many channels as that has."""
    channels = config.channels[2]
    if config.recurrence == "convlstm":
        return ConvLSTM(channels)
    if config.recurrence == "rnn":
        return ConvRNN(channels)
    return Stateless(channels, convolve=config.recurrence == "conv")


class SRN(NetworkModule):
    """One encoder-decoder, run from the coarsest scale to the finest with the same weights."""

    config: SRNConfig

    def __init__(self, config: SRNConfig) -> None:
        super().__init__(config)
        c1, c2, c3 = config.channels
        k = config.kernel_size

        def blocks(channels: int) -> list[nn.Module]:
            return [ConvPair(channels, k, config.block) for _ in range(config.blocks)]

        self.enc1 = nn.Sequential(Conv(2 * config.image_channels, c1, k), nn.ReLU(), *blocks(c1))
        self.enc2 = nn.Sequential(Conv(c1, c2, k, stride=2), nn.ReLU(), *blocks(c2))
        self.enc3 = nn.Sequential(Conv(c2, c3, k, stride=2), nn.ReLU(), *blocks(c3))
        self.cell = recurrent_cell(config)
        self.dec3 = nn.Sequential(*blocks(c3), Upsample(c3, c2), nn.ReLU())
        self.dec2 = nn.Sequential(*blocks(c2), Upsample(c2, c1), nn.ReLU())
        self.dec1 = nn.Sequential(*blocks(c1), Conv(c1, config.image_channels, k))

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
            previous, state = self.restore_scale(blurry, previous, state)
            predictions.append(previous)
        return predictions

    def restore_scale(self, blurry: Tensor, previous: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One scale: (N, C, h, w) blurry and previous prediction, (N, S, h / 4, w / 4) state -> prediction, state'.

        Images may be float32 while the network is not: then they are added up in float32.
        """
        e1 = self.enc1(torch.cat([blurry, previous], 1).to(self.dtype))  # (N, 32, h, w)
        e2 = self.enc2(e1)  # (N, 64, h / 2, w / 2)
        e3 = self.enc3(e2)  # (N, 128, h / 4, w / 4)
        if state is None:
            state = e3.new_zeros(e3.shape[0], self.cell.state_channels, *e3.shape[2:])
        hidden, state = self.cell(e3, state)  # (N, 128, h / 4, w / 4)
        d2 = self.dec3(hidden) + e2  # (N, 64, h / 2, w / 2)
        d1 = self.dec2(d2) + e1  # (N, 32, h, w)
        image = self.dec1(d1).to(blurry.dtype)  # (N, C, h, w); under autocast too the sum stays in full precision
        return (image + blurry if self.config.global_residual else image), state
