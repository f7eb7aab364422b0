"""Where the traces of a camera's colour filter are missing: Ferrara, Bianchi, De Rosa and Piva, TIFS 2012.

A camera measures green at every second pixel, as on a chessboard, and interpolates it between them. Predicting each
pixel from its four neighbours therefore errs less where green was interpolated. What was pasted after resizing, or
smoothed, errs alike on both colours of the chessboard. JPEG compression soon wipes this out.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.pictures.sample import Picture

BLOCK = 8
"""Side of the squares that are judged, in pixels."""
WINDOW = 7
"""Side of the window over which errors are averaged."""
LEAST_SEPARATION = 1.0
"""How many standard deviations pixels with the trace must lie from those without; otherwise the map says nothing."""
_SIGMA = 1.0
_ROWS = 64
"""Rows of squares at once, so that memory stays bounded."""
_ROUNDS = 30
_FEWEST = 16
"""Squares under which no two groups can be told apart."""
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4

Map = NDArray[np.float32]
Values = NDArray[np.float64]


def cfa_map(picture: Picture) -> Map:
    """How likely each place lacks the trace of a colour filter that the rest of the picture has.

    Args:
        picture: (H, W, 3) uint8, RGB.

    Returns:
        (H, W) float32, 0 with the trace .. 1 without; all 0 where the picture as a whole has none.
    """
    height, width = picture.shape[:2]
    feature = contrast(picture[..., 1])
    missing = _without(feature.ravel()).reshape(feature.shape)
    if min(feature.shape) >= 3:
        missing = np.asarray(cv2.medianBlur(missing, 3), np.float32)
    whole = missing.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    margins = ((0, height - whole.shape[0]), (0, width - whole.shape[1]))
    return np.pad(whole, margins, mode="edge") if whole.size else np.zeros((height, width), np.float32)


def contrast(green: NDArray[np.uint8]) -> Map:
    """How much more the prediction errs on one colour of the chessboard than on the other, in each square.

    Args:
        green: (H, W) uint8.

    Returns:
        (H // 8, W // 8) float32: the mean logarithm of the local variance of the error at pixels with an even sum of
        coordinates, less that at the others (Eq. 9 of the paper). Near 0 without a trace.
    """
    down, across = (side // BLOCK for side in green.shape)
    features = np.zeros((down, across), np.float32)
    for top in range(0, down, _ROWS):
        bottom = min(down, top + _ROWS)
        # Rows that the windows of the strip reach; an even number, so that the chessboard stays.
        above = min(top * BLOCK, 8)
        strip = green[top * BLOCK - above : bottom * BLOCK + 8, : across * BLOCK].astype(np.float32)
        logs = _log_variances(strip)[above:][: (bottom - top) * BLOCK]
        sums = logs.reshape(bottom - top, BLOCK, across, BLOCK).sum(axis=(1, 3))
        features[top:bottom] = sums / (BLOCK * BLOCK / 2)
    return features


def _log_variances(green: Map) -> Map:
    """The logarithm of the error's variance within each pixel's own colour, negative at odd pixels."""
    error = green - cv2.filter2D(green, cv2.CV_32F, _CROSS, borderType=cv2.BORDER_REFLECT_101)
    rows, columns = (np.arange(side) for side in green.shape)
    even = ((rows[:, None] + columns) % 2 == 0).astype(np.float32)
    logs = np.zeros_like(green)
    for colour, sign in ((even, 1), (1 - even, -1)):
        weight = _averaged(colour)
        mean = _averaged(error * colour) / weight
        variance = _averaged(error * error * colour) / weight - mean * mean
        logs += sign * colour * np.log(np.maximum(variance, 1e-2))
    return logs


def _averaged(values: Map) -> Map:
    return np.asarray(cv2.GaussianBlur(values, (WINDOW, WINDOW), _SIGMA), np.float32)


def _without(feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability that each value belongs to the group around 0, by two normal distributions fitted with EM."""
    if feature.size < _FEWEST:
        return np.zeros_like(feature)
    # Which pixels the camera measured is not known: the sign that most of the picture has.
    values = (feature * (1 if np.median(feature) >= 0 else -1)).astype(np.float64)
    mean, spread_of_trace, spread_of_none, share = float(np.percentile(values, 75)), values.std(), values.std(), 0.5
    missing = np.zeros_like(values)
    for _ in range(_ROUNDS):
        none = share * _normal(values, 0, spread_of_none)
        trace = (1 - share) * _normal(values, mean, spread_of_trace)
        missing = none / np.maximum(none + trace, 1e-300)
        total, rest = missing.sum(), (1 - missing).sum()
        if total < 1 or rest < 1:
            break
        share = total / values.size
        mean = float(((1 - missing) * values).sum() / rest)
        spread_of_none = max(1e-3, np.sqrt((missing * values**2).sum() / total))
        spread_of_trace = max(1e-3, np.sqrt(((1 - missing) * (values - mean) ** 2).sum() / rest))
    if mean < LEAST_SEPARATION * max(spread_of_none, spread_of_trace):
        return np.zeros_like(feature)
    # Values beyond both centres belong to the nearer one, whatever the wider distribution says.
    return np.where(values >= mean, 0, np.where(values <= 0, 1, missing)).astype(np.float32)


def _normal(values: Values, mean: float, spread: float) -> Values:
    spread = max(spread, 1e-3)
    return np.asarray(np.exp(-(((values - mean) / spread) ** 2) / 2) / spread)
