"""The toy network is in the registry while these tests run, and nowhere else."""

from __future__ import annotations

import pytest
import toy_network

from deblurcli.networks import ARCHITECTURES


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "toy", toy_network.ARCHITECTURE)
