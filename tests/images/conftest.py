"""Pictures and metadata that the tests of reading and writing share."""

import numpy as np
import pytest
from PIL import ImageCms


@pytest.fixture
def colour8():
    """(40, 56, 3) uint8, smooth enough for lossy formats, different in every corner."""
    y, x = np.mgrid[0:40, 0:56]
    return np.stack([x * 4, y * 6, 255 - x * 2 - y], axis=-1).astype(np.uint8)


@pytest.fixture
def colour16():
    """(40, 56, 3) uint16 with every low byte in use, so that a loss of bits cannot go unnoticed."""
    return np.random.default_rng(1).integers(0, 65536, (40, 56, 3)).astype(np.uint16)


@pytest.fixture
def alpha16():
    return np.random.default_rng(2).integers(0, 65536, (40, 56)).astype(np.uint16)


@pytest.fixture
def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
