"""An image in one go, where the budget has room for it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deblurcli.tiling.budget import Advance, Emit, PixelBudget, Source
from deblurcli.tiling.memory import OUT_OF_MEMORY, attempt


def restore_whole(
    network: Callable[[Tensor], list[Tensor]],
    device: torch.device,
    source: Source,
    emit: Emit,
    budget: PixelBudget,
    advance: Advance,
) -> bool:
    """Restore an image at once if it is no larger than the budget.

    Args:
        network: (N, C, H, W) float32 -> its predictions, the last at full size.
        device: where the network is.
        source: the image.
        emit: takes the result, (N, C, H, W) float32; if it runs out of memory, so did the image.
        budget: halved if memory runs out.
        advance: told when it is done.

    Returns:
        Whether it was done; otherwise the image is larger, or memory ran out and the budget is smaller now.

    Raises:
        MemoryError: if memory ran out and tiles cannot get smaller.
    """
    if source.height * source.width > budget.pixels:
        return False

    def run() -> None:
        image = source.read(0, source.height, 0, source.width).to(device)
        emit(0, 0, network(image.contiguous(memory_format=torch.channels_last))[-1].float())

    if attempt(run) is OUT_OF_MEMORY:
        if not budget.halve():
            raise MemoryError("not enough memory for the smallest tile of this image")
        return False
    advance(1.0)
    return True
