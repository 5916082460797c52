from __future__ import annotations

import pytest
import torch
from skimage.data import astronaut

from deblurcli.training.data import Photos


@pytest.fixture(scope="session")
def photos() -> Photos:
    return Photos([torch.from_numpy(astronaut()[:160, 100:260].copy()).permute(2, 0, 1)], [])
