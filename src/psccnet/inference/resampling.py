"""Bilinear resampling with aligned corners, as the network does it, without torch."""

import numpy as np
from numpy.typing import NDArray


def _along_rows(x: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample (h, w) to (size, w)."""
    last = x.shape[0] - 1
    at = np.arange(size, dtype=np.float64) * (last / (size - 1) if size > 1 else 0.0)
    low = np.minimum(at.astype(np.int64), last)
    high = np.minimum(low + 1, last)
    share = (at - low).astype(np.float32)[:, None]
    below: NDArray[np.float32] = x[low]
    below += share * (x[high] - below)
    return below


def resample(x: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resample a map, corners on corners.

    Args:
        x: (h, w) float32.
        height: of the result.
        width: of the result.

    Returns:
        (height, width) float32, within the range of `x`.
    """
    # Columns first: the map is narrow then, and the wide pass runs over contiguous rows.
    narrow = np.ascontiguousarray(_along_rows(np.ascontiguousarray(x.T), width).T)
    return _along_rows(narrow, height)
