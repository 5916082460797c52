"""docs/networks.md has the right counts and settings."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deblurcli.networks import ARCHITECTURES, build_network
from deblurcli.networks.srn.network import ABLATIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


LINES = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


ARCHITECTURE_ROWS = [row for row in ROWS if row[0].strip("`") in ARCHITECTURES]
TABLE_1 = {row[0]: row[1:] for row in ROWS if row[0] in ABLATIONS}


@pytest.mark.parametrize("row", ARCHITECTURE_ROWS, ids=lambda row: row[0])
def test_parameters_of_an_architecture(row):
    with torch.device("meta"):
        assert row[2] == f"{count(build_network(row[0].strip('`'), {})):,}"


def test_all_rows_of_the_srn_paper_are_there_in_its_order():
    assert len(ARCHITECTURE_ROWS) >= 4
    assert list(TABLE_1) == list(ABLATIONS) and len(TABLE_1) == 10


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_row_of_the_srn_paper(name):
    """The settings make the network, which has so many parameters; the paper's figure is that rounded, RNN's nearly."""
    _, settings, paper, here = TABLE_1[name]
    changes = tomllib.loads("\n".join(part.strip().strip("`") for part in settings.split(",")))
    assert replace(ABLATIONS["SR-EDRB3"], **changes) == ABLATIONS[name]
    with torch.device("meta"):
        found = count(build_network("srn", {**changes, "kernel_size": 3, "image_channels": 1}))
    assert here == f"{found:,}"
    assert abs(found / 1e6 - float(paper.removesuffix(" M"))) < (0.0052 if name == "RNN" else 0.005)
