"""Let each pixel vote for a grid of 8 x 8 squares: the one whose square around it has most zeros after the DCT."""

import cv2
import numpy as np
from numpy.typing import NDArray

Votes = NDArray[np.uint8]

NO_VOTE = 64
GRIDS = 64
STRIDE = 2
"""Every second pixel of every second row votes, since neighbours vote the same."""
_ROWS = 256
"""Rows that are processed at once; a multiple of 8."""
_ZERO = 0.5
_LUMINANCE = np.array([[0.299, 0.587, 0.114]], np.float32)

_COSINES = np.array(
    [[np.sqrt((1 if u == 0 else 2) / 8) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)],
    np.float32,
)


def vote(pixels: NDArray[np.uint8]) -> Votes:
    """Collect the votes of a picture's pixels.

    Args:
        pixels: (H, W, 3) uint8, RGB, at least 8 pixels a side.

    Returns:
        (H / 2, W / 2) uint8, rounded up: 8 * (row of the grid's origin) + (its column), 0..63, or `NO_VOTE` where two
        grids have equally many zeros or the squares are flat.
    """
    height = len(pixels)
    votes = []
    for top in range(0, height, _ROWS):
        bottom = min(height, top + _ROWS)
        # Squares reach beyond the strip's ends; a whole square above, so that the grids keep their numbers.
        above, below = max(0, top - 8), min(height, bottom + 8)
        strip = cv2.transform(pixels[above:below].astype(np.float32), _LUMINANCE)
        found = _vote_in(_zeros(np.asarray(strip, np.float32)))
        votes.append(found[(top - above) // STRIDE :][: -(-(bottom - top) // STRIDE)])
    return np.concatenate(votes)


def _zeros(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """For each pixel, the number of zeros of the square that begins there; 0 for flat and for incomplete squares."""
    height, width = grey.shape
    count = np.zeros((height, width), np.uint8)
    if height < 8 or width < 8:
        return count
    unit = np.ones((1, 1), np.float32)
    for u in range(8):
        across = cv2.sepFilter2D(grey, cv2.CV_32F, _COSINES[u], unit, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
        for v in range(8):
            if u == v == 0:
                continue
            whole = cv2.sepFilter2D(
                across, cv2.CV_32F, unit, _COSINES[v], anchor=(0, 0), borderType=cv2.BORDER_REPLICATE
            )
            count += np.asarray(cv2.inRange(whole, -_ZERO, _ZERO), np.uint8) & 1
    count[_flat(grey)] = 0
    count[height - 7 :] = 0
    count[:, width - 7 :] = 0
    return count


def _flat(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Squares whose rows, or whose columns, are all constant: drawn or overexposed, they fit any grid."""
    flat = np.zeros(grey.shape, bool)
    for axis, size in ((1, (7, 8)), (0, (8, 7))):
        steps = (np.abs(np.diff(grey, axis=axis)) > 1e-3).astype(np.uint8)
        steps = np.pad(steps, ((0, int(axis == 0)), (0, int(axis == 1))))
        flat |= cv2.dilate(steps, np.ones(size[::-1], np.uint8), anchor=(0, 0)) == 0
    return flat


def _vote_in(zeros: NDArray[np.uint8]) -> Votes:
    """For each pixel that votes, the grid of the best of the 64 squares that contain it."""
    height, width = (-(-side // STRIDE) for side in zeros.shape)
    best = np.zeros((height, width), np.uint16)
    mirrored = np.zeros((height, width), np.uint16)
    for grid in range(GRIDS):
        row, column = divmod(grid, 8)
        squares = zeros[row::8, column::8].astype(np.uint16) * GRIDS
        if not squares.size:
            continue
        first, left = -(-row // STRIDE), -(-column // STRIDE)
        part = (slice(first, None), slice(left, None))
        again = 8 // STRIDE
        wide = squares.repeat(again, axis=0)[: height - first].repeat(again, axis=1)[:, : width - left]
        np.maximum(best[part], wide + grid, out=best[part])
        np.maximum(mirrored[part], wide + (GRIDS - 1 - grid), out=mirrored[part])
    lowest, highest = best % GRIDS, GRIDS - 1 - mirrored % GRIDS
    # If several grids are equally good, one maximum holds the last of them and the other the first.
    return np.where((lowest == highest) & (best >= GRIDS), lowest, NO_VOTE).astype(np.uint8)
