"""What each shipped model makes of one small picture, as a figure: a change of the code that loses quality fails here.

The picture is that of the self-test of `deblur doctor`.
"""

from __future__ import annotations

import pytest

from deblurcli.doctor.self_test import GAIN, picture
from deblurcli.metrics.psnr import psnr
from deblurcli.models.catalog import catalog
from deblurcli.models.load import DEFAULT
from deblurcli.restore.deblurrer import Deblurrer

pytestmark = pytest.mark.usefixtures("one_thread")

BLURRY_DB = 24.430
# PSNR in dB, RGB, 8 bit, in float32 on a CPU: a line for each model. The compiled library and PyTorch, processors and
# threads differ by less than 0.0001.
RESTORED_DB = {
    "maxim-fast": 25.967,
    "srn-fast": 27.034,
    "srn": 27.033,
}
NEAR = 0.01

SHIPPED = [name for name, record in catalog().items() if record.repo is None]


def test_every_shipped_model_has_a_figure():
    assert set(RESTORED_DB) == set(SHIPPED)
    assert psnr(picture("blurry"), picture("sharp")) == pytest.approx(BLURRY_DB, abs=0.001)
    assert RESTORED_DB[DEFAULT] - BLURRY_DB == pytest.approx(GAIN, abs=NEAR)


@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize("name", SHIPPED)
def test_the_figure_of_a_shipped_model(name: str, engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DEBLUR_ENGINE", raising=False)
    if engine != "auto":
        monkeypatch.setenv("DEBLUR_ENGINE", engine)
    restored = Deblurrer(name, "cpu", "fp32").restore(picture("blurry"))
    assert restored.kept == 0
    assert psnr(restored.pixels, picture("sharp")) == pytest.approx(RESTORED_DB.get(name), abs=NEAR)
