"""Find places that lack the trace of a camera's colour filter: Ferrara, Bianchi, De Rosa and Piva, TIFS 2012.

A camera measures green at every second pixel, as on a chessboard, and interpolates it between them. Predicting each
pixel from its four neighbours therefore has a smaller error where green was interpolated. Parts that were resized
before pasting, or smoothed, have the same error on both colours of the chessboard. JPEG compression soon removes the
trace.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.pictures.sample import Picture

NAME = "colour-filter"
HOW_TO_READ = (
    "A camera measures one colour per pixel and interpolates the others, which leaves a fine pattern in pictures that"
    " were never compressed. Bright parts lack it: they were pasted, scaled or painted, or are overexposed."
)
SOURCE = "Ferrara et al., Image forgery localization via fine-grained analysis of CFA artifacts, IEEE TIFS 2012"

BLOCK = 8
"""Side of the squares that get a value each, in pixels."""
WINDOW = 7
"""Side of the window over which errors are averaged."""
LEAST_SEPARATION = 1.0
"""Squares with the trace must be this many standard deviations away from those without; otherwise the map is 0."""
_SIGMA = 1.0
_ROWS = 64
"""Rows of squares that are processed at once, to bound the memory."""
_ROUNDS = 30
_FEWEST = 16
"""With fewer squares, two groups cannot be told apart."""
CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
"""Predicts a pixel from its four neighbours."""

Map = NDArray[np.float32]
Values = NDArray[np.float64]


def colour_filter(pixels: Picture) -> Finding:
    """Look for parts that lack the trace of a colour filter while the rest of the picture has it.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Returns:
        A finding that informs and never counts for the verdict. Its map has one value per square of 8 x 8 pixels, 0..1:
        the probability that the square lacks the trace. It has no map if no part of the picture has the trace, as in
        nearly every JPEG.
    """
    missing = without_filter(pixels) if min(pixels.shape[:2]) >= 2 * BLOCK else np.zeros((1, 1), np.float32)
    if not missing.any():
        sentence = "No trace of a camera's colour filter is left, as in nearly every JPEG: nothing to compare."
        return Finding(NAME, sentence, HOW_TO_READ, source=SOURCE)
    share = 100 * float((missing > 0.5).mean())
    sentence = (
        f"The picture has the trace of a camera's colour filter, but {share:.0f} % of its area lacks it. This alone"
        " proves nothing."
    )
    return Finding(NAME, sentence, HOW_TO_READ, map=missing, source=SOURCE)


def cfa_map(picture: Picture) -> Map:
    """The probability that each pixel lacks the trace of a colour filter that the rest of the picture has.

    Args:
        picture: (H, W, 3) uint8, RGB.

    Returns:
        (H, W) float32, from 0 (has the trace) to 1 (lacks it); all 0 if no part of the picture has the trace.
    """
    height, width = picture.shape[:2]
    missing = without_filter(picture)
    whole = missing.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    margins = ((0, height - whole.shape[0]), (0, width - whole.shape[1]))
    return np.pad(whole, margins, mode="edge") if whole.size else np.zeros((height, width), np.float32)


def without_filter(picture: Picture) -> Map:
    """The same as `cfa_map`, with one value per whole square of 8 x 8 pixels: (H // 8, W // 8) float32, 0..1."""
    feature = contrast(picture[..., 1])
    missing = _without(feature.ravel()).reshape(feature.shape)
    return np.asarray(cv2.medianBlur(missing, 3), np.float32) if min(feature.shape) >= 3 else missing


def contrast(green: NDArray[np.uint8]) -> Map:
    """How much larger the prediction error is on one colour of the chessboard than on the other, in each square.

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
        # The averaging windows reach beyond the strip; an even number of rows keeps the chessboard aligned.
        above = min(top * BLOCK, 8)
        strip = green[top * BLOCK - above : bottom * BLOCK + 8, : across * BLOCK].astype(np.float32)
        logs = _log_variances(strip)[above:][: (bottom - top) * BLOCK]
        sums = logs.reshape(bottom - top, BLOCK, across, BLOCK).sum(axis=(1, 3))
        features[top:bottom] = sums / (BLOCK * BLOCK / 2)
    return features


def _log_variances(green: Map) -> Map:
    """The logarithm of the error's variance within each pixel's own colour, negative at odd pixels."""
    error = green - cv2.filter2D(green, cv2.CV_32F, CROSS, borderType=cv2.BORDER_REFLECT_101)
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
    # It is not known which pixels the camera measured, so the sign that most squares have is taken.
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
    # A value beyond both centres belongs to the nearer one, even if the other distribution is wider.
    return np.where(values >= mean, 0, np.where(values <= 0, 1, missing)).astype(np.float32)


def _normal(values: Values, mean: float, spread: float) -> Values:
    spread = max(spread, 1e-3)
    return np.asarray(np.exp(-(((values - mean) / spread) ** 2) / 2) / spread)
