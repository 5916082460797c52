"""Where a result goes. Needs none of the packages that videos need, as animations do not."""

from __future__ import annotations

from pathlib import Path

from deblurcli.display import display_name
from deblurcli.images import OutputExists


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Raises OutputExists if the result is there and may not be replaced."""
    if target.exists() and not overwrite:
        raise OutputExists(f"{display_name(target)}: exists already; replace it with --overwrite")
