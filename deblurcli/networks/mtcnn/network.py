"""The multi-task CNN with a spatially variant RNN, and the SVRNN it improves on, in PyTorch.

Sources: Anisimovskiy et al., GraphiCon 2023; Zhang et al., "Dynamic Scene Deblurring Using Spatially Variant Recurrent
Neural Networks", CVPR 2018. Layers are numbered as in the former. What it leaves open and how it is settled here: the
slope of leaky ReLU is 0.1, as in SVRNN; features grow bilinearly with half-pixel centres; the four results of an RNN
are concatenated, and none has a nonlinearity of its own.

Of SVRNN, where its description leaves something open, what gives its published 9,227,027 parameters and 756 billion
multiply-adds at 1280x720 is taken: the CNN for the gates has the widths of the multi-task CNN; the 9x9 convolution
takes the last RNN's features and those before the first; the 5x5 one takes its result at full size and that of the
11x11 one. Leaky ReLU follows all layers outside the CNN for the gates, but for the last one and the one before the
RNNs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.networks.module import NetworkModule
from deblurcli.networks.mtcnn.scan import four_ways

Variant = Literal["multi-task", "svrnn"]
VARIANTS = ("multi-task", "svrnn")
SLOPE = 0.1
RNNS = 4


@dataclass(frozen=True)
class MultiTaskConfig:
    """Everything that distinguishes one of these networks from another.

    Attributes:
        width: channels at full resolution; each level down has twice as many.
        features: channels that each RNN goes over; even.
        variant: "multi-task", whose one CNN makes gates and features, or "svrnn", with two CNNs.
        global_residual: whether the blurry image is added to the result, which the papers do not do.
        image_channels: 3 for RGB, 1 for a model that restores R, G and B each as a grey image.
    """

    width: int = 64
    features: int = 32
    variant: Variant = "multi-task"
    global_residual: bool = False
    image_channels: int = 3

    def __post_init__(self) -> None:
        if self.width < 1 or self.features < 2 or self.features % 2:
            raise ValueError("width must be 1 or more, features even and 2 or more")
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be {' or '.join(VARIANTS)}")
        if self.image_channels not in (1, 3):
            raise ValueError("image_channels must be 1 or 3")

    @property
    def size_multiple(self) -> int:
        """Both sides of an input must be multiples of this: three halvings."""
        return 8


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """As large as its input where `stride` is 1."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


def down(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H / 2, W / 2)."""
    return F.max_pool2d(x, 2)


def up(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class MultiTaskCNN(NetworkModule):
    """An encoder-decoder that makes the gates of four RNNs, and, as its second task, what they go over.

    Attributes:
        slope: of the encoder-decoder's leaky ReLU; 0 makes it ReLU.
    """

    config: MultiTaskConfig

    def __init__(self, config: MultiTaskConfig) -> None:
        super().__init__(config)
        w, f, own = config.width, config.features, config.variant == "svrnn"
        self.slope = 0.0 if own else SLOPE
        self.conv1, self.conv2 = conv(config.image_channels, w), conv(w, w)
        self.conv3, self.conv4 = conv(w, 2 * w), conv(2 * w, 2 * w)
        self.conv5, self.conv6, self.conv7 = conv(2 * w, 4 * w), conv(4 * w, 4 * w), conv(4 * w, 4 * w)
        self.conv8, self.conv9, self.conv10 = conv(4 * w, 8 * w), conv(8 * w, 8 * w), conv(8 * w, 4 * w)
        self.conv11, self.conv12 = conv(8 * w, 2 * w), conv(2 * w, 2 * w)
        self.conv13 = conv(4 * w, 4 * w)
        self.conv14 = conv(4 * w, 4 * RNNS * f)
        if own:
            self.feature1, self.feature2 = conv(config.image_channels, f // 2, 11), conv(f // 2, f, 7, stride=2)
        else:
            self.conv15 = conv(4 * w, f)
        self.conv16, self.conv17, self.conv18, self.conv19 = (conv(4 * f, f) for _ in range(RNNS))
        self.conv20 = conv(2 * f, f // 2, 9 if own else 3)
        self.conv21 = conv(f // 2 + (f // 2 if own else w), config.image_channels, 5 if own else 3)

    @property
    def after_rnns(self) -> tuple[nn.Conv2d, ...]:
        """The layer after each RNN."""
        return self.conv16, self.conv17, self.conv18, self.conv19

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch.

        Args:
            x: blurry images (N, C, H, W), RGB or grey, values in [0, 1], sides multiples of `config.size_multiple`.

        Returns:
            A single prediction, (N, C, H, W), not clipped, in a list as from networks with several scales.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        self.check(x)
        image = x.to(self.dtype)
        skip, wide = self.encode(image)
        gates = torch.tanh(self.conv14(wide))  # (N, 4 * 4 * features, H / 2, W / 2)
        if self.config.variant == "svrnn":
            skip = leaky(self.feature1(image))
            first = self.feature2(skip)
        else:
            first = self.conv15(wide)
        del wide
        features = first
        for layer, own_gates in zip(self.after_rnns, gates.chunk(RNNS, 1), strict=True):
            features = leaky(layer(four_ways(features, own_gates)))
        del gates
        half = leaky(self.conv20(torch.cat([features, first], 1)))
        result = self.conv21(torch.cat([up(half), skip], 1)).to(x.dtype)
        return [result + x if self.config.global_residual else result]

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder-decoder, (N, C, H, W) -> (N, width, H, W) of its first layer, (N, 4 width, H / 2, W / 2)."""
        slope = self.slope
        skip = leaky(self.conv1(image), slope)
        x = leaky(self.conv3(down(leaky(self.conv2(skip), slope))), slope)
        half = leaky(self.conv4(x), slope)
        quarter = leaky(self.conv6(leaky(self.conv5(down(half)), slope)), slope)
        x = down(leaky(self.conv7(quarter), slope))
        for layer in (self.conv8, self.conv9, self.conv10):
            x = leaky(layer(x), slope)
        x = leaky(self.conv11(torch.cat([up(x), quarter], 1)), slope)
        x = leaky(self.conv12(x), slope)
        return skip, leaky(self.conv13(torch.cat([up(x), half], 1)), slope)


def leaky(x: Tensor, slope: float = SLOPE) -> Tensor:
    """In place: no layer's gradient needs its own result."""
    return F.leaky_relu_(x, slope) if slope else F.relu_(x)


@torch.no_grad()
def he(network: MultiTaskCNN) -> None:
    """He's initialisation for leaky ReLU; with a global residual the last layer starts near zero.

    The gates start near zero too, so that each RNN begins by passing its features on. Gates of any size mix all of an
    image at random, and those near -1 amplify what alternates along their way.

    Sets the weights in place, from PyTorch's generator. Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        elif name == "conv21.weight" and network.config.global_residual:
            nn.init.normal_(parameter, std=1e-4)
        elif name == "conv14.weight":
            nn.init.normal_(parameter, std=0.2 / math.sqrt(parameter[0].numel()))
        elif name in ("conv15.weight", "feature2.weight", "conv21.weight"):
            nn.init.kaiming_normal_(parameter, nonlinearity="linear")
        else:
            nn.init.kaiming_normal_(parameter, SLOPE, nonlinearity="leaky_relu")
