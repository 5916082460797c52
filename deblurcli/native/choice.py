"""Which library computes a network."""

from __future__ import annotations

import torch

from deblurcli.native import library

PRODUCTS: dict[torch.dtype, library.Products] = {torch.float32: "fp32", torch.bfloat16: "bf16"}


def library_for(device: torch.device, dtype: torch.dtype) -> str:
    """The name of the library for a network on a device and in a number format; "torch" where there is none.

    Raises:
        UsageError: if the environment asks for a library that is not there.
    """
    products = PRODUCTS.get(dtype)
    if device.type != "cpu" or products is None:
        return "torch"
    return library.choose_backend(products).name
