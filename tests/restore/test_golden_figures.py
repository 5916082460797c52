"""What each shipped model makes of one small picture, as a figure: a change of the code that loses quality fails here.

`golden/` has a part of NASA's portrait of Eileen Collins (public domain), as scikit-image ships it, and the same part
of `samples/astronaut.jpg`, which was made from it (see samples/README.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deblurcli.metrics.psnr import psnr
from deblurcli.models.catalog import catalog
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


def picture(name: str) -> np.ndarray:
    with Image.open(Path(__file__).parent / "golden" / f"{name}.png") as image:
        return np.asarray(image)


def test_every_shipped_model_has_a_figure():
    assert set(RESTORED_DB) == set(SHIPPED)
    assert psnr(picture("blurry"), picture("sharp")) == pytest.approx(BLURRY_DB, abs=0.001)


@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize("name", SHIPPED)
def test_the_figure_of_a_shipped_model(name: str, engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DEBLUR_ENGINE", raising=False)
    if engine != "auto":
        monkeypatch.setenv("DEBLUR_ENGINE", engine)
    restored = Deblurrer(name, "cpu", "fp32").restore(picture("blurry"))
    assert restored.kept == 0
    assert psnr(restored.pixels, picture("sharp")) == pytest.approx(RESTORED_DB.get(name), abs=NEAR)
