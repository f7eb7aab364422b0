"""Bilinear resampling with aligned corners without torch; the same as the network's."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BAND_PIXELS = 1 << 20
"""Large pictures are processed in bands of about this many pixels, so that temporary arrays stay small."""


def bands(height: int, width: int) -> Iterator[slice]:
    """Cut the rows of a picture into bands of about `BAND_PIXELS` pixels.

    Examples:
        >>> [(rows.start, rows.stop) for rows in bands(3000, 1024)]
        [(0, 1024), (1024, 2048), (2048, 3000)]
    """
    rows = max(1, BAND_PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


def _along_rows(x: NDArray[np.float32], size: int, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Resample (h, w) to (size, w); return only `rows` of it."""
    last = x.shape[0] - 1
    at = np.arange(size, dtype=np.float64)[rows] * (last / (size - 1) if size > 1 else 0.0)
    low = np.minimum(at.astype(np.int64), last)
    high = np.minimum(low + 1, last)
    share = (at - low).astype(np.float32)[:, None]
    below: NDArray[np.float32] = x[low]
    below += share * (x[high] - below)
    return below


def resample(x: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resample a map bilinearly with aligned corners.

    Args:
        x: (h, w) float32.
        height: of the result.
        width: of the result.

    Returns:
        (height, width) float32, within the range of `x`.

    Examples:
        >>> resample(np.array([[0, 1]], np.float32), 1, 5).tolist()
        [[0.0, 0.25, 0.5, 0.75, 1.0]]
    """
    # Columns first, while there are few rows; the second, larger pass then runs over contiguous rows.
    narrow = np.ascontiguousarray(_along_rows(np.ascontiguousarray(x.T), width).T)
    whole = np.empty((height, width), dtype=np.float32)
    for rows in bands(height, width):
        whole[rows] = _along_rows(narrow, height, rows)
    return whole
