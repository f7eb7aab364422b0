"""Random closed contours for forged regions that are not objects (Section III-D and its reference [69])."""

import cv2
import numpy as np
import numpy.typing as npt

from psccnet.pictures.sample import Mask
from psccnet.synthesis.sections import Range

_Points = npt.NDArray[np.float64]
_ATTEMPTS = 16


def random_contour(rng: np.random.Generator, size: int, area: Range = (0.01, 0.5), bezier: float = 1.0) -> Mask:
    """Draw a filled random region: a closed cubic Bezier curve, or an ellipse, rectangle or polygon.

    Args:
        rng: source of randomness.
        size: side of the square frame in pixels.
        area: range of the region's share of the frame; the share is drawn log-uniformly.
        bezier: probability of the Bezier curve.

    Returns:
        size x size bool, true inside; its share of the frame is within `area`.

    Examples:
        >>> mask = random_contour(np.random.default_rng(0), size=64, area=(0.1, 0.2))
        >>> mask.shape, bool(0.1 <= mask.mean() <= 0.2)
        ((64, 64), True)
    """
    for _ in range(_ATTEMPTS):
        mask = _fill(_place(rng, _outline(rng, bezier), size, log_uniform(rng, area)), size)
        if area[0] <= mask.mean() <= area[1]:
            return mask
    # If the range is narrow, clipping at the frame may spoil every draw; a disc in the centre always fits.
    centre = (size - 1) / 2
    y, x = np.ogrid[:size, :size]
    middle: float = (area[0] * area[1]) ** 0.5
    return np.asarray((x - centre) ** 2 + (y - centre) ** 2 <= middle * size**2 / np.pi, np.bool_)


def log_uniform(rng: np.random.Generator, interval: Range) -> float:
    """Draw log-uniformly from a positive range: all octaves are equally likely.

    Examples:
        >>> 0.5 <= log_uniform(np.random.default_rng(0), (0.5, 2.0)) <= 2.0
        True
    """
    return float(np.exp(rng.uniform(np.log(interval[0]), np.log(interval[1]))))


def _outline(rng: np.random.Generator, bezier: float) -> _Points:
    """Return (n, 2) points of a closed curve around the origin, at any scale."""
    if rng.random() < bezier:
        return _bezier(_perturbed_circle(rng, int(rng.integers(5, 13))))
    kind = rng.integers(3)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if kind == 1:
        return np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return _perturbed_circle(rng, int(rng.integers(3, 9)))


def _perturbed_circle(rng: np.random.Generator, count: int) -> _Points:
    # With ascending angles the curve is star-shaped and does not cross itself.
    angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.35, 0.35, count)) / count
    radii = rng.uniform(0.4, 1.0, count)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _bezier(knots: _Points, steps: int = 16) -> _Points:
    """Join knots (n, 2) by cubic Bezier segments with continuous tangents, `steps` points each."""
    tangent = (np.roll(knots, -1, axis=0) - np.roll(knots, 1, axis=0)) / 6
    following = np.roll(knots, -1, axis=0)
    controls = (knots, knots + tangent, following - np.roll(tangent, -1, axis=0), following)
    t = np.linspace(0, 1, steps, endpoint=False)
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    segments = sum(w[None, :, None] * c[:, None, :] for w, c in zip(weights, controls, strict=True))
    return np.asarray(segments).reshape(-1, 2)


def _place(rng: np.random.Generator, points: _Points, size: int, share: float) -> _Points:
    """Stretch, rotate, scale to `share` of the frame, and shift to a place inside the frame if the region fits."""
    stretch = log_uniform(rng, (1.0, 2.5))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = points * [stretch, 1.0] @ turn
    x, y = points.T
    enclosed = abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
    points = points * np.sqrt(share * size**2 / enclosed)
    low, high = -points.min(axis=0), size - 1 - points.max(axis=0)
    return np.asarray(points + rng.uniform(np.minimum(low, high), np.maximum(low, high)))


def _fill(points: _Points, size: int) -> Mask:
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], 1)
    return canvas.astype(np.bool_)
