"""What deblur runs on here: versions, processor, memory, and which engine computes and why."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from deblurcli.images.memory import free_memory
from deblurcli.version import __version__

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "torch",
    "numpy",
    "pillow",
    "safetensors",
    "huggingface-hub",
    "tifffile",
    "imagecodecs",
    "simplejpeg",
    "typer",
    "pillow-heif",
    "ray",
)
# What changes how deblur or its libraries behave. Only the names are told: a proxy's address may hold a password.
VARIABLES = (
    "DEBLUR_ENGINE",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "HF_HUB_OFFLINE",
    "HF_ENDPOINT",
    "HF_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)


def versions() -> dict[str, str]:
    """Of deblur, Python, the system and the packages that do the work; those that are missing say so."""
    found = {"deblurcli": __version__, "Python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str]:
    """Processor, threads, memory and GPUs."""
    import torch

    from deblurcli.bench.speed.hardware import gpu_name, logical_cores, processor_name
    from deblurcli.native import library
    from deblurcli.native.processor import processor_features

    gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        gpus.append(torch.device("mps"))
    free = free_memory()
    sharing = "shared with" if library.openmp() else "beside those of"
    return {
        "CPU": processor_name(),
        "CPU features": ", ".join(sorted(processor_features())) or "none that matter here",
        "cores": f"{logical_cores()} that deblur may use, of {os.cpu_count()}",
        "threads": f"{torch.get_num_threads()}, {sharing} PyTorch",
        "memory": "unknown" if free is None else f"{free / 1e9:.1f} GB free",
        "GPU": ", ".join(f"{gpu_name(each)}{_memory_of(each)}" for each in gpus) or "none that PyTorch can use",
    }


def engine() -> dict[str, str]:
    """What networks run on, in each precision, and why.

    Raises:
        UsageError: if $DEBLUR_ENGINE asks for what is not there.
    """
    from deblurcli.native import library

    def path(products: library.Products) -> str:
        backend = library.choose_backend(products)
        return f"{'PyTorch' if backend.name == 'torch' else f'native code, {backend.name}'} ({backend.reason})"

    return {
        "fp32 on the CPU": path("fp32"),
        "bf16 on the CPU": path("bf16"),
        "compiled": ", ".join(library.compiled()) or "nothing",
        "compiler": library.compiler() or "none",
        "variables set": ", ".join(name for name in VARIABLES if os.environ.get(name)) or "none that matter here",
    }


def _memory_of(device: torch.device) -> str:
    import torch

    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f" ({free / 1e9:.1f} of {total / 1e9:.1f} GB free)"
