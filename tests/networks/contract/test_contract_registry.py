"""What an architecture says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass, replace

import pytest
import torch
from cases import OF_ARCHITECTURE, Case, every_architecture, every_case, make

from deblurcli.networks import ARCHITECTURES, build_network

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_registered_architecture_has_a_small_network_here():
    """Whoever adds one: a line in `cases.OF_ARCHITECTURE`."""
    assert set(OF_ARCHITECTURE) == set(ARCHITECTURES)
    for name, (first, *_) in OF_ARCHITECTURE.items():
        assert first.residual, name


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown architecture 'unet'; known: srn, nafnet"):
        build_network("unet", {})


@every_case
def test_a_config_is_plain_data_that_builds_the_network_again(case: Case):
    assert is_dataclass(case.config) and type(case.config) is case.entry.config
    with pytest.raises(AttributeError):
        setattr(case.config, fields(case.config)[0].name, None)
    network = build_network(case.architecture, json.loads(json.dumps(asdict(case.config))))
    assert network.config == case.config


@every_architecture
def test_settings_that_make_no_network_are_refused(case: Case):
    with pytest.raises(ValueError, match=f"unknown settings for {case.architecture}: aperture, depth_of_field"):
        build_network(case.architecture, {"depth_of_field": 1, "aperture": 2})
    if case.architecture != "toy":
        with pytest.raises(ValueError, match="image_channels"):
            replace(case.config, image_channels=2)


@every_case
def test_what_a_network_is_and_where(case: Case):
    network = make(case)
    assert network.config == case.config
    assert (network.device, network.dtype) == (torch.device("cpu"), torch.float32)
    assert network.to(torch.bfloat16).dtype == torch.bfloat16
    assert case.config.image_channels in (1, 3) and case.multiple >= 1
    assert network.get_submodule(case.last) is not None


@every_case
def test_figures_that_the_rest_of_the_program_takes(case: Case):
    entry = case.entry
    assert entry.title and len(set(entry.signature)) == len(entry.signature) >= 1
    assert entry.bytes_per_pixel(case.config) > 0 and entry.cpu_pixels > 0
    assert entry.tiling.kind in ("exact", "approximate", "whole") and 0 <= entry.tiling.bound < 0.1
    assert isinstance(entry.runs_natively(make(case)), bool)
    assert entry.trusted <= {torch.float16, torch.bfloat16}
