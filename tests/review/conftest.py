"""What tests of a review need."""

from collections.abc import Callable
from pathlib import Path

import pytest
from result_folders import make_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder of results with its records: results({name: levels}, width, height) -> folder; the originals are in
    "in" beside it."""

    def make(levels: dict[str, int], width: int = 160, height: int = 120) -> Path:
        return make_results(tmp_path_factory.mktemp("results"), levels, width, height)

    return make
