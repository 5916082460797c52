"""The packages that videos need beside those that are always there."""

from __future__ import annotations

from importlib.util import find_spec

from deblurcli.errors import InputError


def require(name: str) -> None:
    """Refuse a video where its reader is not installed.

    Raises:
        InputError: naming `name` and the extra to install.
    """
    if find_spec("av") is None or find_spec("imageio") is None:
        raise InputError(f'{name}: a video needs extra packages; install them with: pip install "deblurcli[video]"')
