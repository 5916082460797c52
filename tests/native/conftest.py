"""The libraries that can be tried on this machine."""

from __future__ import annotations

import pytest

from deblurcli.native import library
from deblurcli.native.processor import processor_features


@pytest.fixture(params=list(library.INSTRUCTION_SETS))
def engine(request: pytest.FixtureRequest) -> str:
    """Each instruction set in turn, as `DEBLUR_ENGINE` names it."""
    return usable(request.param)


@pytest.fixture(params=list(library.NEEDS))
def library_name(request: pytest.FixtureRequest) -> str:
    """Each library in turn."""
    return usable(request.param)


def usable(name: str) -> str:
    """The same name, if the library is there and for this processor."""
    if name not in library.compiled():
        pytest.skip(f"{name} is not compiled here")
    if missing := library.NEEDS[name] - processor_features():
        pytest.skip(f"this processor has no {', '.join(missing)}")
    return name
