"""The authors' real weights as they are on the Hub, with the kernels of transposed convolutions unturned: from a Hub on
this machine, through the real client, to a restored photo."""

import json
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import HubServer
from maxim_listing import as_keras, authors_shapes
from other_catalog import WORDS, add_record, finish, make_program
from PIL import Image
from saved_model_writer import write_saved_model

from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.models.importers.maxim_release import parameters_of
from deblurcli.models.importers.tensorflow import import_tensorflow
from deblurcli.models.importers.tensorflow_js import read_graph_model
from deblurcli.networks.maxim.network import RELEASED

REPO = "google/maxim-s3-deblurring-gopro"
INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def files(maxim_model, tmp_path_factory):
    shapes = authors_shapes(RELEASED)
    found = parameters_of(read_graph_model(maxim_model), maxim_model)
    parameters = {name: value.reshape(shapes[name]) for name, value in found.items()}
    folder = write_saved_model(tmp_path_factory.mktemp("saved"), as_keras(parameters))
    return {name: (folder / name).read_bytes() for name in (INDEX, DATA)}


def test_from_the_hub_to_a_photo(maxim_model, files, tmp_path):
    with HubServer() as hub:
        commit = hub.add("models", REPO, files, "apache-2.0")
        make_program(tmp_path / "site")
        listed = [
            {"name": INDEX, "bytes": len(files[INDEX])},
            {"name": DATA, "bytes": len(files[DATA]), "sha256": sha256(files[DATA]).hexdigest()},
        ]
        words = {**WORDS, "architecture": "maxim", "licence": "Apache-2.0"}
        add_record(tmp_path / "site", "maxim-gopro", **words, repo=REPO, commit=commit, files=listed)
        add_record(tmp_path / "site", "maxim-gopro-fast", like="maxim-gopro", stages=1)
        environment = {**hub.environment(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "site")}

        def begin(*arguments):
            command = [sys.executable, "-m", "deblurcli", *arguments]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            return subprocess.Popen(command, env=environment, cwd=tmp_path, **pipes)  # type: ignore[call-overload]

        process = begin("weights", "pull", "maxim-gopro")
        kept = tmp_path / "home/assets/deblurcli"
        while not list(kept.rglob(".deblur-*")) and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)  # in the middle of writing what was converted
        assert finish(process)[0] == -signal.SIGKILL
        assert finish(begin("weights", "path", "maxim-gopro"))[0] == 4

        code, output, errors = finish(begin("weights", "pull", "maxim-gopro", "--json"))
        assert code == 0, errors
        assert errors == "maxim-gopro: converting variables.index, once\n"  # its weights are known: nothing to remark
        assert len(hub.downloads()) == 2
        assert not list(kept.rglob(".deblur-*"))
        whole = Path(json.loads(output)["path"])
        import_tensorflow(maxim_model, tmp_path / "npm.safetensors")
        (first, info), (second, _) = load_checkpoint(whole), load_checkpoint(tmp_path / "npm.safetensors")
        assert (info.name, info.licence) == ("maxim-gopro", "Apache-2.0")
        states = first.state_dict(), second.state_dict()
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())

        hub.connections = 0
        pixels = np.random.default_rng(0).integers(100, 150, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photo.png")
        code, _, errors = finish(begin("photo.png", "-o", "sharp.png", "--model", "maxim-gopro-fast", "--offline"))
        assert code == 0, errors
        assert "maxim-gopro-fast on " in errors
        assert Image.open(tmp_path / "sharp.png").size == (64, 64)
        assert hub.connections == 0
