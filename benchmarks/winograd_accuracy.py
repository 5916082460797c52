"""What one Winograd convolution loses when its products are taken in a smaller number format.

    python benchmarks/winograd_accuracy.py

For windows of several sizes: the signal-to-noise ratio, in dB, of one layer of 64 channels against direct convolution
in float64, with the transformed values and weights rounded to each format and everything else exact. Prints the
products that an output pixel needs, too: what a window saves.
"""

from __future__ import annotations

from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS, OUTPUTS, WINDOWS = 64, 32, 20
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


def noise(side: int, kernel: int, dtype: torch.dtype) -> float:
    """The layer's signal-to-noise ratio in dB."""
    window, of_weights, back = transforms(POINTS[side], kernel)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(WINDOWS, CHANNELS, side, side, generator=generator, dtype=torch.float64).relu()
    weights = torch.randn(OUTPUTS, CHANNELS, kernel, kernel, generator=generator, dtype=torch.float64)
    wanted = F.conv2d(values, weights)
    transformed = (window @ values @ window.T).to(dtype).double()
    kernels = (of_weights @ weights @ of_weights.T).to(dtype).double()
    products = torch.einsum("ncij,kcij->nkij", transformed, kernels)
    error = back @ products @ back.T - wanted
    return float(10 * torch.log10(wanted.square().mean() / error.square().mean()))


def main() -> None:
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


if __name__ == "__main__":
    main()
