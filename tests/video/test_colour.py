"""Samples to RGB and back: by the stream's own matrix and range, and nothing changes where nothing is added."""

import av
import numpy as np
import pytest

from deblurcli.errors import InputError
from deblurcli.video.clip import Colour
from deblurcli.video.colour import Samples, planes_of, understood

WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # of H.273: red, blue


def samples_of(rgb: np.ndarray, matrix: int, range: int, bits: int) -> list[np.ndarray]:
    """(H, W, 3) in [0, 1] -> Y, Cb, Cr by the formulas of H.273, sections 8.2 and 8.3."""
    red, blue = WEIGHTS[matrix]
    luma = rgb @ [red, 1 - red - blue, blue]
    cb, cr = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    step, white = 1 << (bits - 8), (1 << bits) - 1
    if range == 2:
        return [luma * white, cb * white + 128 * step, cr * white + 128 * step]
    return [(16 + 219 * luma) * step, (128 + 224 * cb) * step, (128 + 224 * cr) * step]


def frame_of(rgb: np.ndarray, pixel_format: str, samples: Samples) -> av.VideoFrame:
    """A frame of plain blocks, so that it makes no difference which of their pixels chroma is taken from."""
    frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], pixel_format)
    values = samples_of(rgb, samples.colour.matrix, samples.colour.range, samples.bits)
    for plane, value in zip(planes_of(frame, samples.dtype), values, strict=True):
        plane[:] = np.rint(value[:: rgb.shape[0] // plane.shape[0], :: rgb.shape[1] // plane.shape[1]])
    return frame


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le"])
@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("range", [1, 2])
def test_every_matrix_and_range_both_ways(pixel_format, matrix, range):
    samples = Samples(pixel_format, understood(Colour(range, matrix), 48, pixel_format))
    coarse = 0.2 + 0.5 * np.random.default_rng(matrix).random((3, 4, 3))
    rgb = np.kron(coarse, np.ones((16, 16, 1)))
    frame = frame_of(rgb, pixel_format, samples)
    before = samples.rgb(frame)
    white = np.iinfo(before.dtype).max
    inner = np.s_[4::16, 4::16]  # away from the blocks' edges, where chroma is interpolated
    # Half a step of chroma alone is more than a level of blue.
    assert np.abs(before[inner] / white - coarse).max() * 255 < 2.3

    same = samples.changed(frame, before, before)
    for old, new in zip(planes_of(frame, samples.dtype), planes_of(same, samples.dtype), strict=True):
        assert (old == new).all()

    after = np.rint((before / white + [0.1, -0.05, 0.07]).clip(0, 1) * white).astype(before.dtype)
    again = samples.rgb(samples.changed(frame, before, after))
    assert np.abs(again.astype(float) - after).max() * 255 / white <= 2


def test_alpha_and_values_beyond_white_survive():
    samples = Samples("yuva420p", understood(Colour(1, 1), 32, "yuva420p"))
    frame = av.VideoFrame(32, 32, "yuva420p")
    for plane, value in zip(planes_of(frame, samples.dtype), (250, 128, 128, 77), strict=True):
        plane[:] = value
    before = samples.rgb(frame)
    luma, *_, alpha = planes_of(samples.changed(frame, before, before), samples.dtype)
    assert (luma == 250).all() and (alpha == 77).all()


def test_what_nobody_says():
    assert understood(Colour(), 480, "yuv420p").matrix == 6
    assert understood(Colour(), 720, "yuv420p").matrix == 1
    assert understood(Colour(), 480, "gbrp").range == 2
    with pytest.raises(InputError, match="matrix 14"):
        understood(Colour(1, 14, 9, 16), 1080, "yuv420p10le")
