"""Colour detail: find parts of a JPEG whose colours were never stored at half the size, while those of the rest were.

Cameras, phones and web pages store colours at half the size (4:2:0); editors often store the finished picture with full
colours (4:4:4). The original parts of the picture then have no fine colour detail left, and one more compression hardly
changes their colours. A part that was pasted from another file, scaled, turned or painted has fine colour detail.
"""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import get_sampling

from psccnet.evidence.error_level import recompressed, strips
from psccnet.evidence.finding import Finding
from psccnet.pictures.opening import is_jpeg, opened

NAME = "colours"
CELL = 8
"""Side of the squares over which changes are averaged, in pixels."""
FARTHEST = 1.5
"""Largest difference from the picture's median, as a natural logarithm; larger differences are cut to it."""
_FLOOR = 0.05
"""Added to each change, in grey levels, so that a change of 0 has a logarithm."""
_SMOOTHED = 1.5
"""Standard deviation of the smoothing, in cells."""
_LEAST = 8
"""Fewest cells along a side; in smaller pictures there is nothing to compare a part with."""

HOW_TO_READ = (
    "Bright parts have finer colour detail than the rest, dark parts coarser. A pasted part often has finer detail,"
    " since the rest was stored with halved colours before. Strong colours look the same, so it proves nothing alone."
)
SOURCE = "this project; the trace is that of Krawetz's error levels in the colours alone, Black Hat 2007"


def stores_full_colours(data: bytes | None) -> bool:
    """Whether a file is a colour JPEG that stores its colours at full size (4:4:4)."""
    if data is None or not is_jpeg(data):
        return False
    with opened(io.BytesIO(data), "file") as (picture, _):
        return picture.format in ("JPEG", "MPO") and picture.mode == "RGB" and get_sampling(picture) == 0


def colour_detail(pixels: NDArray[np.uint8], data: bytes | None) -> Finding | None:
    """Draw where the colours have more or less detail than in the rest of the picture.

    Args:
        pixels: (H, W, 3) uint8, RGB.
        data: the file's bytes; None if there is no file.

    Returns:
        A finding that informs and has no rate of false alarms. Its map, of squares of 8 pixels, is 0.5 at the picture's
        median, 1 where one more compression changes the colours e^1.5 times as much, and 0 where e^1.5 times less.
        None for all but JPEGs with full colours, and for pictures with a side below 64 pixels.
    """
    if min(pixels.shape[:2]) < _LEAST * CELL or not stores_full_colours(data):
        return None
    ratio = colour_ratio(pixels)
    share = float((ratio > FARTHEST / 2).mean())
    return Finding(
        NAME,
        f"The file stores its colours at full size, and {100 * share:.0f} % of the picture has clearly finer colour"
        " detail than the rest. This alone proves nothing.",
        HOW_TO_READ,
        map=(0.5 + ratio / (2 * FARTHEST)).astype(np.float32),
        source=SOURCE,
    )


def colour_ratio(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H // 8, W // 8) float32: logarithm of the change of colours over the picture's median, cut at +-1.5."""
    change = np.concatenate([_change(strip) for strip in strips(pixels)])
    logarithm = cv2.GaussianBlur(np.log(change + np.float32(_FLOOR)), (0, 0), _SMOOTHED, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.clip(logarithm - np.median(logarithm), -FARTHEST, FARTHEST), np.float32)


def _change(strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean change of both colour differences in each whole cell of a strip of whole cells."""
    again = recompressed(strip)
    height, width = (side // CELL for side in strip.shape[:2])
    before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1:] for picture in (strip, again))
    change = cv2.absdiff(before, after).sum(axis=2, dtype=np.float32)[: height * CELL, : width * CELL]
    return np.asarray(change.reshape(height, CELL, width, CELL).mean((1, 3)), np.float32)
