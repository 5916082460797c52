"""Between the samples of a video and the RGB that networks take.

What goes back is not the restored picture but what the network has added to it, taken linearly to luma and chroma.
Where it adds nothing every sample stays what it was; chroma is never resampled, and values beyond black and white
survive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from deblurcli.errors import InputError
from deblurcli.video.clip import Colour
from deblurcli.video.formats import bits_of, has_alpha

_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)
LIMITED, FULL = 1, 2
_RGB, _BT709, _UNKNOWN, _FCC, _SMPTE240M, _BT2020 = 0, 1, 2, 4, 7, 9
_BT601 = (5, 6)
# Of H.273: the weights of red and blue in luma, and what swscale calls the matrix.
_MATRICES: dict[int, tuple[float, float, Colorspace]] = {
    _BT709: (0.2126, 0.0722, Colorspace.ITU709),
    _FCC: (0.30, 0.11, Colorspace.FCC),
    5: (0.299, 0.114, Colorspace.ITU601),
    6: (0.299, 0.114, Colorspace.ITU601),
    _SMPTE240M: (0.212, 0.087, Colorspace.SMPTE240M),
    _BT2020: (0.2627, 0.0593, Colorspace.BT2020),
}
_HD_LINES = 576  # pictures of more lines have BT.709 where nobody says


def understood(colour: Colour, height: int, pixel_format: str) -> Colour:
    """The range and matrix by which samples are read, in place of what nobody says.

    Raises:
        InputError: without a file name, for other matrices: ICtCp, YCgCo, BT.2020 with constant luminance.
    """
    if pixel_format.startswith("gbr"):
        return replace(colour, range=FULL, matrix=_RGB)
    matrix = colour.matrix
    if matrix in (_UNKNOWN, _RGB, 3):
        hd = height > _HD_LINES
        matrix = _BT2020 if colour.primaries == 9 else _BT709 if hd or colour.primaries == 1 else 6
    if matrix not in _MATRICES:
        raise InputError(f"its colours have the matrix {matrix} of H.273, which is not taken; convert it first")
    return replace(colour, matrix=matrix, range=colour.range or LIMITED)


class Samples:
    """Converts the frames of one clip. For one thread.

    Args:
        pixel_format: of planes, from `planar_name`.
        colour: from `understood`.
    """

    def __init__(self, pixel_format: str, colour: Colour) -> None:
        self.pixel_format = pixel_format
        self.colour = colour
        format = av.VideoFormat(pixel_format)
        self.bits = bits_of(format)
        self.dtype = np.dtype(np.uint8 if self.bits == 8 else np.uint16)
        self.shape = (format.chroma_width(16), format.chroma_height(16))
        self.planes = 1 if pixel_format.startswith("gray") else 3
        self.alpha = has_alpha(pixel_format)
        self._to_planes, self._to_rgb = VideoReformatter(), VideoReformatter()

    def planar(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with its samples in planes; the same values."""
        return reformatted(self._to_planes, frame, self.pixel_format, self.colour, self.colour)

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """A planar frame as (H, W, 3) RGB: uint8, or uint16 in its full range for more than 8 bits."""
        target = "rgb24" if self.bits == 8 else "rgb48le"
        return reformatted(self._to_rgb, frame, target, self.colour, Colour(FULL, self.colour.matrix)).to_ndarray()

    def changed(self, frame: av.VideoFrame, before: np.ndarray, after: np.ndarray) -> av.VideoFrame:
        """A new planar frame: the old one, and what lies between two pictures.

        Args:
            frame: planar.
            before: what `rgb` gave of it.
            after: the same shape and type.
        """
        scale = ((1 << self.bits) - 1) / np.iinfo(before.dtype).max
        difference = after.astype(np.float32)
        difference -= before
        difference *= scale
        result = av.VideoFrame(frame.width, frame.height, self.pixel_format)
        if self.colour.matrix == _RGB:
            added = [difference[..., 1], difference[..., 2], difference[..., 0]]
        else:
            added = list(self._luma_and_chroma(difference))
        for index, (old, new) in enumerate(
            zip(planes_of(frame, self.dtype), planes_of(result, self.dtype), strict=True)
        ):
            if index < self.planes:
                new[:] = np.rint(old + _averaged(added[index], old.shape)).clip(0, (1 << self.bits) - 1)
            else:
                new[:] = old
        return result

    def _luma_and_chroma(self, difference: np.ndarray) -> Sequence[np.ndarray]:
        """(H, W, 3) differences of RGB -> those of Y, Cb, Cr in steps of a sample (H.273, section 8.3)."""
        red, blue, _ = _MATRICES[self.colour.matrix]
        luma = np.array([red, 1 - red - blue, blue], np.float32)
        cb = (np.array([0, 0, 1], np.float32) - luma) / (2 * (1 - blue))
        cr = (np.array([1, 0, 0], np.float32) - luma) / (2 * (1 - red))
        full = float((1 << self.bits) - 1)
        of_luma, of_chroma = (1.0, 1.0)
        if self.colour.range == LIMITED:
            of_luma, of_chroma = (steps * (1 << (self.bits - 8)) / full for steps in (219, 224))
        rows = [luma * of_luma] if self.planes == 1 else [luma * of_luma, cb * of_chroma, cr * of_chroma]
        flat = difference.reshape(-1, 3) @ np.stack(rows, 1).astype(np.float32)
        return [flat[:, index].reshape(difference.shape[:2]) for index in range(len(rows))]


def reformatted(
    reformatter: VideoReformatter, frame: av.VideoFrame, target: str, colour: Colour, wanted: Colour
) -> av.VideoFrame:
    """A frame in another format, with the colours' range and matrix named: libav's own guesses are for other uses."""
    spaces = [_MATRICES[one.matrix][2] if one.matrix in _MATRICES else None for one in (colour, wanted)]
    return reformatter.reformat(
        frame,
        format=target,
        src_colorspace=spaces[0],
        dst_colorspace=spaces[1],
        interpolation=_EXACT,
        src_color_range=ColorRange(colour.range),
        dst_color_range=ColorRange(wanted.range),
        threads=1,
    )


def planes_of(frame: av.VideoFrame, dtype: np.dtype) -> list[np.ndarray]:
    """Views of the planes of a frame, (height, width) each."""
    return [
        np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]


def _averaged(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) -> means over the pixels that each sample of a plane stands for; odd edges count twice."""
    if values.shape == shape:
        return values
    down, across = -(-values.shape[0] // shape[0]), -(-values.shape[1] // shape[1])
    missing = [(0, shape[0] * down - values.shape[0]), (0, shape[1] * across - values.shape[1])]
    if missing != [(0, 0), (0, 0)]:
        values = np.pad(values, missing, mode="edge")
    means: np.ndarray = values.reshape(shape[0], down, shape[1], across).mean((1, 3), dtype=np.float32)
    return means
