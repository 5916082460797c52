"""What this program keeps between runs, beside the Hub's cache."""

from __future__ import annotations

from pathlib import Path

from deblurcli.errors import OutputError


def cache_place(namespace: str) -> Path:
    """Where folders of ours are, or would be. Makes none."""
    from huggingface_hub import constants

    return Path(constants.HF_ASSETS_CACHE, "deblurcli", namespace)


def cache_folder(namespace: str, subfolder: str = "default") -> Path:
    """A folder of ours, made if need be. The default of `subfolder` is the client's own.

    Raises:
        OutputError: if it cannot be used.
    """
    from huggingface_hub import cached_assets_path

    try:
        return Path(cached_assets_path("deblurcli", namespace=namespace, subfolder=subfolder))
    except (OSError, ValueError) as error:
        raise OutputError(f"the cache of {namespace} cannot be used ({error}); set HF_HOME to a folder") from error
