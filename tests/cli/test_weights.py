"""`deblur weights` as a user meets it. What the Hub can do to it is in tests/hub/test_fetch.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_server import HubServer
from PIL import Image

from deblurcli.models.catalog import catalog
from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.training.recipe import read_recipe


@pytest.fixture
def empty(tmp_path):
    """An environment with an empty cache, in which every request fails the test."""
    with HubServer() as hub:
        yield hub.environment(tmp_path / "home")
        assert hub.connections == 0


def test_list_and_info(deblur, empty):
    table = deblur("weights", "list", env=empty)
    assert table.returncode == 0
    assert "maxim-fast (default)" in table.stdout
    for name in catalog():
        assert name in table.stdout
    models = json.loads(deblur("weights", "list", "--json", env=empty).stdout)
    assert [model["name"] for model in models] == list(catalog())
    assert models[0]["shipped"] and models[0]["path"].endswith("maxim-fast.safetensors")
    assert models[1]["shipped"] and models[1]["path"].endswith("srn-fast.safetensors")
    assert models[2]["shipped"] and models[2]["path"].endswith("srn.safetensors")
    assert models[3]["path"] is None
    assert "MIT" in models[3]["licence"]
    text = deblur("weights", "info", "nafnet-gopro-64", env=empty).stdout
    for words in ("none stated on the Hub; upstream MIT", "33.71 dB", "was not run", "nyanko7/nafnet-models", "here:"):
        assert words in text
    assert json.loads(deblur("weights", "info", "maxim-fast", "--json", env=empty).stdout) == models[0]
    unknown = deblur("weights", "info", "srn-slow", env=empty)
    assert unknown.returncode == 4
    assert "did you mean srn-fast" in unknown.stderr


def test_a_network_without_published_weights_says_so(deblur, empty, photo, tmp_path):
    refused = deblur(photo("a.png"), "-o", "b.png", "--model", "fcn", env=empty)
    assert refused.returncode == 4
    (line,) = refused.stderr.splitlines()
    assert "fcn: nobody has published weights of this network" in line and line.endswith("as --model FILE")
    recipe = line.split("`deblur train --recipe ")[1].split("`")[0]
    assert read_recipe(Path(recipe)).architecture == "fcn"
    assert not (tmp_path / "b.png").exists()
    table = deblur("weights", "list", env=empty)
    assert "fcn" not in table.stdout
    assert "nobody has published weights of them: fcn" in table.stderr
    told = deblur("weights", "info", "fcn", env=empty).stdout
    assert "33.32 dB" in told and recipe in told
    assert json.loads(deblur("weights", "info", "fcn", "--json", env=empty).stdout)["recipe"] == recipe
    assert "13 pairs" in deblur("weights", "info", "mt-cnn", env=empty).stdout  # what it reached here


def test_verify_and_path_of_what_is_shipped(deblur, empty):
    told = [json.loads(line) for line in deblur("weights", "verify", "--json", env=empty).stdout.splitlines()]
    assert [one["name"] for one in told if one["state"] == "intact"] == ["maxim-fast", "srn-fast", "srn"] and len(
        told
    ) == 3
    assert deblur("weights", "path", "maxim-fast", env=empty).stdout.strip() == told[0]["path"]
    absent = deblur("weights", "path", "nafnet-gopro-32", env=empty)
    assert absent.returncode == 4
    assert "deblur weights pull nafnet-gopro-32" in absent.stderr


def test_a_photo_restored_with_a_model_from_the_hub(deblur, photo, small_model, tmp_path):
    source = photo("a.png")
    with HubServer() as hub:
        commit = hub.add("models", "org/small", {"small.safetensors": small_model.read_bytes()}, "cc0-1.0")
        environment = hub.environment(tmp_path / "home")
        done = deblur(source, "-o", "b.png", "--model", "hf:org/small/small.safetensors", env=environment)
        assert done.returncode == 0, done.stderr
        assert Image.open(tmp_path / "b.png").size == (70, 50)
        first, second = done.stderr.splitlines()[:2]
        assert first.startswith("hf:org/small/small.safetensors: downloading small.safetensors (")
        assert second.startswith("small on cpu")
        hub.connections = 0
        pinned = f"hf:org/small/small.safetensors@{commit}"
        again = deblur(source, "-o", "c.png", "--model", pinned, "--quiet", "--offline", env=environment)
        assert (again.returncode, again.stderr) == (0, "")
        assert hub.connections == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_import_of_a_pickle(deblur, small_model, tmp_path):
    state = load_checkpoint(small_model)[0].state_dict()
    torch.save({"params": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "mine.pth")
    done = deblur("weights", "import", "mine.pth", "-o", "mine.safetensors")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "mine.safetensors: mine, checked; use it with --model mine.safetensors\n"
    loaded = load_checkpoint(tmp_path / "mine.safetensors")[0].state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())
    refused = deblur("weights", "import", "mine.pth", "-o", "mine.safetensors")
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr


def test_import_of_the_first_stage_of_maxim(deblur, maxim_model, tmp_path, photo):
    done = deblur("weights", "import", maxim_model, "-o", "first.safetensors", "--stages", "1")
    assert done.returncode == 0, done.stderr
    assert "maxim-gopro-1of3, checked" in done.stderr
    assert "could not be checked" not in done.stderr
    used = deblur(photo("a.png"), "-o", "b.png", "--model", "first.safetensors")
    assert used.returncode == 0, used.stderr
    assert (tmp_path / "b.png").exists()

    too_many = deblur("weights", "import", maxim_model, "-o", "x.safetensors", "--stages", "4")
    assert too_many.returncode == 2
    assert "these weights have 3 stages" in too_many.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_import_of_what_has_no_stages(deblur, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "mine.pth")
    refused = deblur("weights", "import", "mine.pth", "-o", "x.safetensors", "--stages", "1")
    assert refused.returncode == 2
    assert "--stages" in refused.stderr


def test_import_of_tensorflow_files_that_are_not_all_there(deblur, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = deblur("weights", "import", "empty", "-o", "x.safetensors")
    assert missing.returncode == 4
    assert "empty: holds no model.json" in missing.stderr

    weights = [{"name": "w", "shape": [2], "dtype": "float32"}]
    group = {"paths": ["group1-shard1of1.bin"], "weights": weights}
    model = {"format": "graph-model", "modelTopology": {"node": []}, "weightsManifest": [group]}
    (empty / "model.json").write_text(json.dumps(model))
    missing = deblur("weights", "import", "empty", "-o", "x.safetensors")
    assert missing.returncode == 4
    assert "group1-shard1of1.bin: no such file" in missing.stderr
    (empty / "group1-shard1of1.bin").write_bytes(bytes(7))
    damaged = deblur("weights", "import", "empty", "-o", "x.safetensors")
    assert damaged.returncode == 5
    assert "has 7 bytes, expected 8" in damaged.stderr
    assert len(damaged.stderr.splitlines()) == 1


def test_import_of_the_srn_release(deblur, shared, tmp_path, photo):
    maker = [sys.executable, str(shared / "oracle" / "make_checkpoint.py"), "color", str(tmp_path)]
    subprocess.run(maker, check=True)
    prefix = tmp_path / "deblur.model-523000"
    done = deblur("weights", "import", prefix, "-o", "color.safetensors")
    assert done.returncode == 0, done.stderr
    used = deblur(photo("a.png"), "-o", "b.png", "--model", "color.safetensors")
    assert "srn-released-color" in used.stderr  # random weights: what the guard says of the result does not matter

    data = prefix.with_name(prefix.name + ".data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[1_000_000] ^= 1
    data.write_bytes(content)
    damaged = deblur("weights", "import", prefix, "-o", "damaged.safetensors")
    assert damaged.returncode == 5
    assert "checksum" in damaged.stderr
    assert not (tmp_path / "damaged.safetensors").exists()
    missing = deblur("weights", "import", tmp_path / "nothing", "-o", "x.safetensors")
    assert missing.returncode == 4
    assert "no such file" in missing.stderr
