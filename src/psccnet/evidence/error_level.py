"""Error-level analysis (ELA), known from web pages: how much one more compression changes each place."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding

NAME = "ela"
QUALITY = 90
"""Quality of the compression; the usual value on web pages."""
_SMOOTHED = 9
_PIXELS_AT_ONCE = 4_000_000
_BLOCK = 16
"""JPEG with halved chroma works in squares of 16 pixels, so strips of whole squares compress like the whole picture."""
_LONGEST = 2048
_LARGEST_JPEG = 65_500
"""Longest side that JPEG allows, in pixels."""

HOW_TO_READ = (
    "Bright parts change most by one more JPEG compression. Edges, text and strong colours are bright in every picture:"
    " look for parts that differ from similar ones. It proves nothing by itself."
)
SOURCE = "Krawetz, A Picture's Worth: Digital Image Analysis and Forensics, Black Hat 2007"


def error_level(pixels: NDArray[np.uint8]) -> Finding:
    """Draw the error level.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Returns:
        A finding that informs and has no rate of false alarms. Its map is the largest change over the colours, smoothed
        over 9 x 9 pixels, and scaled so that its 99th percentile and all above is 1.
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
    """The change of each place in grey levels: (h, w) float32, at most 2048 on the longer side; in bounded memory."""
    height, width = pixels.shape[:2]
    if width > _LARGEST_JPEG:
        return levels(pixels.transpose(1, 0, 2)).T
    step = -(-max(height, width) // _LONGEST)
    return np.concatenate([_pooled(_change(strip), step) for strip in strips(pixels, step)])


def strips(pixels: NDArray[np.uint8], step: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Cut a picture into strips that JPEG compresses like the whole picture, to bound the memory.

    Args:
        pixels: (H, W, 3) uint8, W at most 65,500.
        step: the height of each strip but the last is a multiple of `step` squares of 16 pixels.

    Examples:
        >>> [strip.shape[0] for strip in strips(np.zeros((5000, 2000, 3), np.uint8))]
        [2000, 2000, 1000]
    """
    height, width = pixels.shape[:2]
    squares = min(_PIXELS_AT_ONCE // max(1, width), _LARGEST_JPEG) // (_BLOCK * step)
    rows = max(1, squares) * _BLOCK * step
    return (np.ascontiguousarray(pixels[start : start + rows]) for start in range(0, height, rows))


def recompressed(strip: NDArray[np.uint8], quality: int = QUALITY) -> NDArray[np.uint8]:
    """Compress (H, W, 3) uint8, RGB, once more as JPEG with halved colours (4:2:0), and decode it."""
    written, data = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if written else None
    assert again is not None  # no side is too long for a JPEG
    return np.asarray(again, np.uint8)


def _change(strip: NDArray[np.uint8]) -> NDArray[np.float32]:
    change = cv2.absdiff(strip, recompressed(strip)).max(axis=2).astype(np.float32)
    return np.asarray(cv2.blur(change, (_SMOOTHED, _SMOOTHED)), np.float32)


def _pooled(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means over squares of step x step values; squares at the right and lower edge may be smaller."""
    if step == 1:
        return values
    size = (-(-values.shape[1] // step), -(-values.shape[0] // step))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
