"""Error-level analysis: what one more compression changes, as people know it from the web."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding

NAME = "ela"
QUALITY = 90
"""Of the compression, as the usual pages have it."""
_SMOOTHED = 9
_PIXELS_AT_ONCE = 4_000_000
_BLOCK = 16
"""JPEG with halved chroma works in squares of 16 pixels: strips of whole squares are compressed as the whole is."""
_LONGEST = 2048
_LARGEST_JPEG = 65_500
"""Pixels a side."""

HOW_TO_READ = (
    "Bright is what one more JPEG compression changes most. Edges, text and strong colours are bright in every picture:"
    " look for parts that differ from others like them. It proves nothing by itself."
)
SOURCE = "Krawetz, A Picture's Worth: Digital Image Analysis and Forensics, Black Hat 2007"


def error_level(pixels: NDArray[np.uint8]) -> Finding:
    """Draw the error level.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Returns:
        A finding that tells and never alarms; its map is the largest change over the colours, smoothed over 9 x 9
        pixels, with 1 for its 99th percentile and all above.
    """
    level = levels(pixels)
    top = float(np.percentile(level, 99))
    scaled = np.clip(level / top, 0, 1).astype(np.float32) if top > 1e-6 else np.zeros_like(level)
    return Finding(
        NAME,
        f"One more compression changes the picture by {float(level.mean()):.1f} grey levels on average; the map shows"
        " where. This alone proves nothing.",
        HOW_TO_READ,
        map=scaled,
        source=SOURCE,
    )


def levels(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The change at each place in grey levels, (h, w) float32 at most 2048 on the longer side; in bounded memory."""
    height, width = pixels.shape[:2]
    if width > _LARGEST_JPEG:
        return levels(pixels.transpose(1, 0, 2)).T
    step = -(-max(height, width) // _LONGEST)
    return np.concatenate([_pooled(_change(strip), step) for strip in strips(pixels, step)])


def strips(pixels: NDArray[np.uint8], step: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Cut a picture into strips that JPEG compresses as it does the whole, so that memory stays bounded.

    Args:
        pixels: (H, W, 3) uint8, W at most 65,500.
        step: each strip but the last is a multiple of so many squares of 16 pixels high.

    Examples:
        >>> [strip.shape[0] for strip in strips(np.zeros((5000, 2000, 3), np.uint8))]
        [2000, 2000, 1000]
    """
    height, width = pixels.shape[:2]
    squares = min(_PIXELS_AT_ONCE // max(1, width), _LARGEST_JPEG) // (_BLOCK * step)
    rows = max(1, squares) * _BLOCK * step
    return (np.ascontiguousarray(pixels[start : start + rows]) for start in range(0, height, rows))


def recompressed(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, RGB, after one more JPEG compression with halved colours (4:2:0)."""
    written, data = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if written else None
    assert again is not None  # no side is too long for a JPEG
    return np.asarray(again, np.uint8)


def _change(strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    change = cv2.absdiff(strip, recompressed(strip)).max(axis=2).astype(np.float32)
    return np.asarray(cv2.blur(change, (_SMOOTHED, _SMOOTHED)), np.float32)


def _pooled(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means of squares of step x step; those at the right and lower edge may be smaller."""
    if step == 1:
        return values
    size = (-(-values.shape[1] // step), -(-values.shape[0] // step))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
