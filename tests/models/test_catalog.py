"""The catalogue says what is true of the shipped files, and nothing impossible of the others."""

import hashlib
import re
import subprocess
import sys

import pytest

from deblurcli.models.catalog import catalog, weights_folder
from deblurcli.models.checkpoint import read_info
from deblurcli.models.load import DEFAULT
from deblurcli.networks import ARCHITECTURES

SHIPPED = [record for record in catalog().values() if record.repo is None]


@pytest.mark.parametrize("record", SHIPPED, ids=lambda record: record.name)
def test_a_shipped_file_is_the_one_in_the_catalogue(record):
    """After training it again, put what the failure shows into weights/catalog.toml."""
    path = weights_folder() / record.file
    content = path.read_bytes()
    right = f'bytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"'
    written = f'bytes = {record.size}\nsha256 = "{record.sha256}"'
    assert written == right, f"[{record.name}] in weights/catalog.toml must have:\n{right}"
    info = read_info(path)
    assert (info.name, info.architecture, info.licence) == (record.name, record.architecture, record.licence)


def test_every_shipped_file_has_a_record_and_the_default_is_first():
    assert {path.name for path in weights_folder().glob("*.safetensors")} == {record.file for record in SHIPPED}
    assert next(iter(catalog())) == DEFAULT


def test_records_are_whole():
    for record in catalog().values():
        assert record.architecture in ARCHITECTURES
        assert re.fullmatch(r"[0-9a-f]{64}", record.sha256)
        assert record.file.endswith((".safetensors", ".pth"))
        assert (record.repo is None) == (record.commit is None)
        assert record.commit is None or re.fullmatch(r"[0-9a-f]{40}", record.commit)
        assert record.licence and record.trained_on and record.good_at and record.bad_at and record.paper
        for score in (*record.published, *record.measured):
            assert score.of and 20 < score.psnr < 50 and all(0.5 < value < 1 for value in score.ssim.values())
    assert len({record.sha256 for record in catalog().values()}) == len(catalog())


def test_reading_it_loads_nothing_heavy():
    code = """
import sys
from deblurcli.models.catalog import catalog
catalog()
print(*{"torch", "PIL", "numpy", "huggingface_hub"} & set(sys.modules))
from deblurcli.models.files import look_up
for name in catalog():
    look_up(name)
print(*{"torch", "PIL", "numpy", "httpx2", "huggingface_hub.file_download"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
