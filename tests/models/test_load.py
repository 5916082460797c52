from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

from deblurcli.errors import WeightsDamaged, WeightsUnavailable
from deblurcli.models.catalog import catalog
from deblurcli.models.checkpoint import ModelInfo, save_checkpoint
from deblurcli.models.files import find_weights
from deblurcli.models.load import import_pickled, load_model, load_network
from deblurcli.models.local_copy import look_up
from deblurcli.networks.srn.network import SRNConfig

TINY = SRNConfig(channels=(4, 6, 8), kernel_size=3, blocks=1)


@pytest.fixture
def network(make_network):
    return make_network(TINY)


def test_an_unknown_name_lists_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        WeightsUnavailable, match="srn-fats: no such model or weights file; did you mean srn-fast"
    ) as caught:
        load_network("srn-fats")
    assert "\n" not in str(caught.value)
    for name in catalog():
        assert name in str(caught.value)


def test_a_shipped_model_is_found_by_name_and_has_its_name_and_licence():
    path = find_weights("srn-fast")
    assert path == look_up("srn-fast").path
    _, info = load_model("srn-fast")
    assert (info.name, info.licence) == ("srn-fast", catalog()["srn-fast"].licence)


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_pickle_is_imported_with_its_precision(network, tmp_path, dtype):
    source, output = tmp_path / "other.pth", tmp_path / "other.safetensors"
    state = {key: value.to(dtype) for key, value in network.state_dict().items()}
    torch.save({"params": state}, source)
    info = import_pickled(source, output)
    assert (info.name, info.training["source"]) == ("other", "other.pth")
    assert {value.dtype for value in load_file(output).values()} == {dtype}
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_network(output)(x)[-1], load_network(source)(x)[-1])


def test_tensors_that_share_memory_are_imported(network, tmp_path):
    state = network.state_dict()
    flat = torch.cat([value.flatten() for value in state.values()])
    parts = flat.split([value.numel() for value in state.values()])
    torch.save({key: part.view_as(state[key]) for key, part in zip(state, parts, strict=True)}, tmp_path / "flat.pt")
    import_pickled(tmp_path / "flat.pt", tmp_path / "own.safetensors")
    loaded = load_file(tmp_path / "own.safetensors")
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_nothing_to_import(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"none\.pth: no such file"):
        import_pickled(tmp_path / "none.pth", tmp_path / "x.safetensors")
    (tmp_path / "photo.pth").write_bytes(b"\xff\xd8\xff\xe0 a photo")
    with pytest.raises(WeightsDamaged, match=r"photo\.pth"):
        import_pickled(tmp_path / "photo.pth", tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()
