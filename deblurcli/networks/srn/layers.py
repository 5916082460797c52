"""SRN's layers, in PyTorch. Needs nothing but torch.

Source: Tao et al. 2018, section 3.2 and 3.3, and the authors' released graph.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BlockKind = Literal["residual", "plain"]


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
