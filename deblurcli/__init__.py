"""Remove motion blur from photographs.

    from deblurcli import Deblurrer
    sharp = Deblurrer()(blurry)     # a NumPy array or a PIL image

`load_network` gives the bare torch module. Nothing here imports torch before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deblurcli.version import __version__

if TYPE_CHECKING:
    from deblurcli.models.load import load_network
    from deblurcli.restore.deblurrer import Deblurrer

__all__ = ["Deblurrer", "__version__", "load_network"]


def __getattr__(name: str) -> Any:
    if name == "Deblurrer":
        from deblurcli.restore.deblurrer import Deblurrer

        return Deblurrer
    if name == "load_network":
        from deblurcli.models.load import load_network

        return load_network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
