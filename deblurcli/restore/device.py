"""Where to compute, and in which precision."""

from __future__ import annotations

import copy
from collections.abc import Collection

import torch
from torch import nn

from deblurcli.errors import UsageError
from deblurcli.native.processor import processor_features

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

# A precision is safe when no 8-bit value of the test picture differs by more than this from float32's.
SAFE_LEVELS = 1.0


def pick_device(wish: str) -> torch.device:
    """The device of a wish: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1", "mps".

    Raises:
        UsageError: if it does not exist here.
    """
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available[:0] = ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if wish == "auto":
        return torch.device(available[0])
    if wish not in available:
        raise UsageError(f"device {wish!r} is not available here; available: auto, {', '.join(available)}")
    return torch.device(wish)


def device_list(wish: str) -> list[str]:
    """Several devices: "cuda:0,cuda:1" as they are named, a device twice if it is named twice, and "all" for every
    GPU; each a wish of its own for `pick_device`, which is made here too.

    Raises:
        UsageError: if one does not exist here.
    """
    wishes = wish.split(",")
    if wish == "all":
        wishes = [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["auto"]
    for one in wishes:
        pick_device(one)
    return wishes


def pick_precision(
    wish: str,
    network: nn.Module,
    device: torch.device,
    native: bool,
    trusted: Collection[torch.dtype] = (),
) -> torch.dtype:
    """The number format of a wish: "fp32", "bf16", "fp16", or "auto".

    Auto takes half precision only where the hardware computes in it and it is good enough: it is trusted, or the
    network's result on a test picture stays within one 8-bit level of float32's. Everything else runs in float32.

    Args:
        wish: as above.
        network: in float32.
        device: where it will run.
        native: whether the compiled library computes it in float32 on the CPU. That is faster than PyTorch's half
            precision; the library's own bfloat16 is faster still, but off by several levels in single pixels, so it
            has to be trusted.
        trusted: half precisions that need no test picture, as the network's gain on real pairs was measured in them.

    Raises:
        UsageError: for another wish.
    """
    if wish in PRECISIONS:
        return PRECISIONS[wish]
    if wish != "auto":
        raise UsageError(f"unknown precision {wish!r}; known: auto, {', '.join(PRECISIONS)}")
    fp32_is_fast = device.type == "cpu" and native
    for dtype in native_half(device):
        if dtype in trusted or (not fp32_is_fast and largest_difference(network, device, dtype) <= SAFE_LEVELS):
            return dtype
    return torch.float32


def device_name(device: torch.device) -> str:
    """With its number where there can be several: "cuda:0"."""
    if device.type == "cuda" and device.index is None:
        return f"cuda:{torch.cuda.current_device()}"
    return str(device)


def precision_name(dtype: torch.dtype) -> str:
    """What `pick_precision` calls a number format."""
    return next(name for name, known in PRECISIONS.items() if known == dtype)


def native_half(device: torch.device) -> list[torch.dtype]:
    """The half precisions that the hardware has arithmetic for, the more exact first."""
    if device.type == "cuda":
        return [torch.float16, *([torch.bfloat16] if torch.cuda.is_bf16_supported(False) else [])]
    if device.type == "mps":
        return [torch.float16]
    return [torch.bfloat16] if "avx512_bf16" in processor_features() else []


def largest_difference(network: nn.Module, device: torch.device, dtype: torch.dtype) -> float:
    """The largest difference, in 8-bit levels, between a precision and float32 on the test picture."""
    picture = test_picture().to(device)
    results = []
    with torch.inference_mode():
        for kind in (torch.float32, dtype):
            converted = copy.deepcopy(network).to(device, kind)
            channels = converted.config.image_channels  # type: ignore[union-attr]
            results.append(converted(picture[:, :channels].to(kind))[-1].float())
    difference = (results[0] - results[1]).abs().max() * 255
    return float(difference.nan_to_num(nan=float("inf")))


def test_picture() -> torch.Tensor:
    """Edges, gradients, black, white and noise, blurred in one direction: (1, 3, 128, 128) in [0, 1]."""
    generator = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 1, 128), indexing="ij")
    checks = ((x * 6).floor() + (y * 6).floor()) % 2
    picture = torch.stack([checks, (checks + x) / 2, y])
    picture[:, 64:, 64:] = torch.rand(3, 64, 64, generator=generator)
    return picture.unfold(2, 9, 1).mean(-1)[None, :, :, torch.arange(128).clamp(max=119)]
