"""Stores and a Ray cluster on this machine, a small model, and the real command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray_machines import Machines
from s3_server import Bucket, S3Server
from small_model import save_small


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return save_small(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture
def photos(tmp_path):
    """photos(NAME...) -> the folder with these small photos, each of another size."""

    def make(*names, folder="in") -> Path:
        for index, name in enumerate(names):
            height, width = 50, 70 + index
            y, x = np.mgrid[:height, :width]
            pixels = np.stack([x * 255 // width, y * 255 // height, (x // 8 + y // 8) % 2 * 200], -1).astype(np.uint8)
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        return tmp_path / folder

    return make


@pytest.fixture
def deblur(tmp_path, small_model):
    """Run `deblur ARGUMENTS --model small` in `tmp_path`, without asking the network; returns the finished process."""

    def run(*arguments, start=subprocess.run, **environment) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "deblurcli", *map(str, arguments), "--model", str(small_model)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
        if start is subprocess.run:
            options |= {"timeout": 300, "check": False}
        return start(command, env={**os.environ, "HF_HUB_OFFLINE": "1", **environment}, **options)

    return run


@pytest.fixture(scope="session")
def s3_server():
    pytest.importorskip("moto", reason="needs moto[server], see the extra cluster-dev")
    pytest.importorskip("s3fs", reason="needs s3fs, see the extra cluster-dev")
    with S3Server() as server:
        before = dict(os.environ)
        os.environ.update(server.environment)  # for this process, and for machines of a cluster that it starts
        yield server
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def bucket(s3_server, request):
    count = request.config.stash.get(BUCKETS, 0) + 1
    request.config.stash[BUCKETS] = count
    yield Bucket(s3_server, f"bucket-{count}")
    s3_server.hooks.clear()
    s3_server.denied = None


BUCKETS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def machines(s3_server):
    pytest.importorskip("ray", reason="needs ray, see the extra cluster-dev")
    if not sys.platform.startswith("linux"):
        pytest.skip("machines are killed by way of /proc")
    cluster = Machines()
    yield cluster
    cluster.cluster.shutdown()
