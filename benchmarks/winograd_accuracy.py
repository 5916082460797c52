"""What Winograd convolutions lose when their products are taken in a smaller number format.

    python benchmarks/winograd_accuracy.py
    python benchmarks/winograd_accuracy.py --model srn-fast --photo samples/astronaut.jpg

For windows of several sizes: the signal-to-noise ratio, in dB, of one layer of 64 channels against direct convolution
in float64, with the transformed values and weights rounded to each format and everything else exact. Prints the
products that an output pixel needs, too: what a window saves. With a model: the PSNR, in dB, of the restored middle of
a photo against the same in float32, when all of the network's convolutions of stride 1 from and to 32 channels or more
are such layers.
"""

from __future__ import annotations

import argparse
import copy
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deblurcli.images import read_photo
from deblurcli.models.load import load_network
from deblurcli.networks.srn.layers import Conv
from deblurcli.networks.srn.network import SRN

CHANNELS, OUTPUTS, WINDOWS = 64, 32, 20
MIDDLE = 192  # pixels
FORMATS = (torch.float32, torch.float16, torch.bfloat16)


def both_signs(*points: Fraction) -> list[Fraction]:
    return [Fraction(0), *(sign * point for point in points for sign in (1, -1))]


HALF, ONE, TWO = Fraction(1, 2), Fraction(1), Fraction(2)
POINTS = {
    4: both_signs(ONE),
    6: both_signs(ONE, TWO),
    8: both_signs(HALF, ONE, TWO),
    10: both_signs(Fraction(3, 8), Fraction(3, 4), Fraction(5, 4), Fraction(5, 2)),
}


def product(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, the constant one first, of the polynomial with these roots."""
    coefficients = [ONE]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [high - root * low for high, low in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return coefficients


def transforms(points: list[Fraction], kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of the window (n, n), the weights (n, k) and back (m, n), for these points and infinity, in float64."""
    side, out = len(points) + 1, len(points) + 2 - kernel
    window, weights, back = (
        [[Fraction(0)] * columns for _ in range(rows)] for rows, columns in ((side, side), (side, kernel), (out, side))
    )
    for i, point in enumerate(points):
        others = points[:i] + points[i + 1 :]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        window[i] = [*product(others), Fraction(0)]
        weights[i] = [point**k / scale for k in range(kernel)]
        for k in range(out):
            back[k][i] = point**k
    window[-1] = product(points)
    weights[-1][-1] = back[-1][-1] = ONE
    return tuple(
        torch.tensor([[float(x) for x in row] for row in matrix], dtype=torch.float64)
        for matrix in (window, weights, back)
    )  # type: ignore[return-value]


def winograd(windows: Tensor, weights: Tensor, side: int, dtype: torch.dtype) -> Tensor:
    """(N, C, ..., side, side) windows and (K, C, k, k) weights -> (N, K, ..., m, m), in the precision of the windows.

    Only the transformed values and weights are rounded to `dtype`.
    """
    window, of_weights, back = transforms(POINTS[side], weights.shape[2])
    window, back = window.to(windows), back.to(windows)
    values = (window @ windows @ window.T).to(dtype).to(windows)
    kernels = (of_weights @ weights.double() @ of_weights.T).to(dtype).to(windows)
    return back @ torch.einsum("nc...ij,kcij->nk...ij", values, kernels) @ back.T


def noise(side: int, kernel: int, dtype: torch.dtype) -> float:
    """The layer's signal-to-noise ratio in dB."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(WINDOWS, CHANNELS, side, side, generator=generator, dtype=torch.float64).relu()
    weights = torch.randn(OUTPUTS, CHANNELS, kernel, kernel, generator=generator, dtype=torch.float64)
    wanted = F.conv2d(values, weights)
    error = winograd(values, weights, side, dtype) - wanted
    return float(10 * torch.log10(wanted.square().mean() / error.square().mean()))


class Winograd(nn.Module):
    """A convolution of stride 1 with its transformed values and weights rounded to a format, all else in float32."""

    def __init__(self, conv: Conv, side: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.conv, self.side, self.dtype = conv, side, dtype

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        kernel = self.conv.kernel_size[0]
        out, around = self.side + 1 - kernel, kernel // 2
        x = F.pad(x, (around, around + -width % out, around, around + -height % out))
        windows = x.unfold(2, self.side, out).unfold(3, self.side, out)  # (N, C, down, across, side, side)
        y = winograd(windows, self.conv.weight, self.side, self.dtype)
        whole = y.transpose(3, 4).flatten(4, 5).flatten(2, 3)
        assert self.conv.bias is not None
        return whole[:, :, :height, :width] + self.conv.bias.view(1, -1, 1, 1)


def with_winograd(network: SRN, side: int, dtype: torch.dtype) -> SRN:
    changed = copy.deepcopy(network)
    for parent in list(changed.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, Conv) and conv.stride[0] == 1 and min(conv.in_channels, conv.out_channels) >= 32:
                setattr(parent, name, Winograd(conv, side, dtype))
    return changed


def print_layers() -> None:
    print(
        "kernel  window  products per output  "
        + "  ".join(str(dtype).removeprefix("torch.").rjust(9) for dtype in FORMATS)
    )
    for kernel in (5, 3):
        for side in POINTS:
            if (out := side + 1 - kernel) < 2:
                continue
            ratios = "  ".join(f"{noise(side, kernel, dtype):6.1f} dB" for dtype in FORMATS)
            print(f"{kernel:6}  {side:4}x{side:<2}  {side**2 / out**2:19.2f}  {ratios}")


@torch.inference_mode()
def print_network(model: str, photo: Path) -> None:
    network = load_network(model)
    if not isinstance(network, SRN):
        raise SystemExit(f"{model}: not a scale-recurrent network")
    pixels = torch.from_numpy(read_photo(photo).pixels)
    top, left = (max(0, (side - MIDDLE) // 2) for side in pixels.shape[:2])
    image = pixels[top : top + MIDDLE, left : left + MIDDLE].permute(2, 0, 1)[None].float() / 255
    exact = network(image)[-1]
    print(f"{model}, kernel {network.config.kernel_size}, the middle {MIDDLE}x{MIDDLE} of {photo.name}, bfloat16")
    for side in (6, 8, 10):
        error = with_winograd(network, side, torch.bfloat16)(image)[-1] - exact
        print(f"{side:4}x{side:<2}  {-10 * float(error.square().mean().log10()):6.1f} dB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model's name or file; without one, single layers are measured")
    parser.add_argument("--photo", type=Path, default=Path("samples/astronaut.jpg"))
    arguments = parser.parse_args()
    if arguments.model:
        print_network(arguments.model, arguments.photo)
    else:
        print_layers()


if __name__ == "__main__":
    main()
