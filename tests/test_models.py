from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from deblurcli.checkpoint import ModelInfo, save_checkpoint
from deblurcli.errors import WeightsDamaged, WeightsUnavailable
from deblurcli.models import find_weights, load_model, load_network, shipped_models
from deblurcli.networks.srn import SRNConfig

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1)


@pytest.fixture
def network(make_network):
    return make_network(TINY)


def test_an_unknown_name_lists_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsUnavailable, match="srn-huge: no such model or weights file; shipped models: ") as caught:
        load_network("srn-huge")
    assert "\n" not in str(caught.value)
    for model in shipped_models():
        assert model.name in str(caught.value)


def test_shipped_models_are_found_by_name_and_described():
    for model in shipped_models():
        assert find_weights(model.name) == model.path
        assert model.info.architecture == "srn"
        assert model.info.licence != "unknown"


def test_a_file_is_taken_by_its_path(network, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_checkpoint(path, network.state_dict(), ModelInfo("srn", asdict(TINY), "mine"))
    for name in (path, str(path)):
        loaded, info = load_model(name)
        assert info.name == "mine"
        x = torch.rand(1, 3, 16, 16)
        assert torch.equal(loaded(x)[-1], network(x)[-1])


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(WeightsUnavailable, match=str(tmp_path)):
        load_network(tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"params": state}])
def test_a_pickled_state_dict(network, tmp_path, suffix, wrap):
    path = tmp_path / f"other{suffix}"
    torch.save(wrap(network.state_dict()), path)
    loaded, info = load_model(path)
    assert (info.name, loaded.config) == ("other", TINY)
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(loaded(x)[-1], network(x)[-1])


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 a photo", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_other_files_are_damaged_weights(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsDamaged, match=name) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return print, ("code from the file ran",)


def test_a_pickle_cannot_run_code(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    torch.save({"params": Evil()}, path)
    with pytest.raises(WeightsDamaged):
        load_network(path)
    assert capsys.readouterr().out == ""


def test_listing_models_does_not_import_torch():
    code = "import sys; from deblurcli.models import shipped_models; shipped_models(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
