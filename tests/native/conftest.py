"""The instruction sets that can be tried on this machine."""

from __future__ import annotations

import pytest

from deblurcli.native import library
from deblurcli.native.processor import processor_features


@pytest.fixture(params=list(library.NEEDS))
def engine(request: pytest.FixtureRequest) -> str:
    """Each instruction set in turn, as `DEBLUR_ENGINE` names it."""
    name: str = request.param
    if name not in library.compiled():
        pytest.skip(f"{name} is not compiled here")
    if missing := library.NEEDS[name] - processor_features():
        pytest.skip(f"this processor has no {', '.join(missing)}")
    return name
