"""Whether a part of a picture and its likeness agree pixel by pixel, and how far the agreement reaches."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.copy_move.transforms import Floats, Transform, count_places

Array = NDArray[np.float32]

AGREES = 0.8
"""Least correlation of two windows that look the same."""
_LEAST_VARIANCE = 4.0
"""Of grey levels in a window; flatter ones agree with anything."""
_MARGIN = 48
_STEPS = 4


@dataclass(frozen=True)
class Verified:
    """A part of the picture that agrees with its likeness.

    Attributes:
        transform: refined on the pixels.
        source: (h, w) bool, the part.
        target: (h, w) bool, its likeness.
        matches: keypoints at different places inside that agree.
        area: textured pixels of the part, in the picture's own pixels.
        likeness: median correlation of windows, -1..1.
        fine_likeness: the same of what is finer than about two pixels, where parts that were photographed twice differ.
        difference: median absolute difference in grey levels.
        rivals: keypoints on which other transforms agree.
    """

    transform: Transform
    source: NDArray[np.bool_]
    target: NDArray[np.bool_]
    matches: int
    area: float
    likeness: float
    fine_likeness: float
    difference: float
    rivals: int = 0


@dataclass(frozen=True)
class _Window:
    """The part of the picture around some points, and its likeness carried onto it."""

    left: int
    top: int
    grey: Array
    carried: Array
    valid: NDArray[np.bool_]


def verify(grey: Array, transform: Transform, scale: float) -> Verified | None:
    """Compare a part with its likeness, refine the transform on their pixels, and grow the part as far as they agree.

    Args:
        grey: (h, w) float32, 0..255.
        transform: to check.
        scale: how many pixels here are one of the picture's.

    Returns:
        What agrees, or None where nothing does.
    """
    radius = round(3 * scale + 2)
    matrix = transform.matrix
    grown = _grown(grey, matrix, transform, radius, scale)
    if grown is None:
        return None
    for _ in range(_STEPS):
        refined = _one_step(grey, matrix, *grown)
        again = _grown(grey, refined, transform, radius, scale)
        if again is None or again[2][again[1]].sum() <= 1.001 * grown[2][grown[1]].sum():
            break
        matrix, grown = refined, again
    return _described(grey, matrix, transform, grown, radius, scale)


_Grown = tuple[_Window, NDArray[np.bool_], Array, NDArray[np.bool_]]


def _grown(grey: Array, matrix: Floats, transform: Transform, radius: int, scale: float) -> _Grown | None:
    """The window, the part of it that agrees and holds keypoints, the correlations, and where there is texture."""
    margin = _MARGIN * scale
    while True:
        window = _window(grey, matrix, transform.sources, margin, radius)
        correlation, variance = _correlation(window.grey, window.carried, radius, _LEAST_VARIANCE)
        agrees = (correlation > AGREES) & window.valid
        cv2.morphologyEx(agrees.view(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)), dst=agrees.view(np.uint8))
        part = _holding(agrees, transform.sources - (window.left, window.top))
        if not part.any():
            return None
        if not _touches(part, window, grey.shape) or margin > max(grey.shape):
            return window, part, correlation, variance > _LEAST_VARIANCE
        margin *= 3


def _window(grey: Array, matrix: Floats, points: Floats, margin: float, radius: int) -> _Window:
    height, width = grey.shape
    left, top = (max(0, int(low - margin)) for low in points.min(axis=0))
    right, bottom = (
        min(side, int(high + margin) + 1) for side, high in zip((width, height), points.max(axis=0), strict=True)
    )
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (left, top)
    size = (right - left, bottom - top)
    carried = cv2.warpAffine(
        grey,
        shifted,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-1e4,
    )
    valid = cv2.erode((carried > -1).astype(np.uint8), np.ones((2 * radius + 1,) * 2)) > 0
    # A picture always looks like itself a few pixels on.
    x, y = np.arange(left, right, dtype=np.float32)[None], np.arange(top, bottom, dtype=np.float32)[:, None]
    linear = (matrix[:, :2] - np.eye(2)).astype(np.float32)
    away = [linear[i, 0] * x + linear[i, 1] * y + np.float32(matrix[i, 2]) for i in (0, 1)]
    valid &= away[0] ** 2 + away[1] ** 2 > (2 * radius) ** 2
    return _Window(left, top, grey[top:bottom, left:right], np.maximum(carried, 0), valid)


def _correlation(one: Array, other: Array, radius: int, floor: float) -> tuple[Array, Array]:
    """Correlation of the windows around each pixel, and the smaller variance of the two."""
    size = (2 * radius + 1,) * 2

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, size, borderType=cv2.BORDER_REFLECT))

    centre, centre_other = mean(one), mean(other)
    variance = np.maximum(mean(one * one) - centre * centre, 0)
    variance_other = np.maximum(mean(other * other) - centre_other * centre_other, 0)
    shared = mean(one * other) - centre * centre_other
    correlation = np.asarray(shared / np.sqrt(variance * variance_other + floor), np.float32)
    return correlation, np.asarray(np.minimum(variance, variance_other), np.float32)


def _holding(agrees: NDArray[np.bool_], points: Floats) -> NDArray[np.bool_]:
    """The connected parts that hold a point."""
    labels = cv2.connectedComponents(agrees.view(np.uint8))[1]
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < labels.shape[1]) & (y < labels.shape[0])
    held = np.zeros(labels.max() + 1, bool)
    held[labels[y[inside], x[inside]]] = True
    held[0] = False
    return np.asarray(held[labels])


def _touches(part: NDArray[np.bool_], window: _Window, shape: tuple[int, ...]) -> bool:
    """Whether the part reaches a side of the window that is not the picture's own."""
    height, width = part.shape
    return bool(
        (window.left > 0 and part[:, :3].any())
        or (window.top > 0 and part[:3].any())
        or (window.left + width < shape[1] and part[:, -3:].any())
        or (window.top + height < shape[0] and part[-3:].any())
    )


def _one_step(grey: Array, matrix: Floats, window: _Window, part: NDArray[np.bool_], *_: object) -> Floats:
    """A Gauss-Newton step towards equal grey levels up to gain and offset (Lucas and Kanade, 1981)."""
    y, x = np.nonzero(part)
    step = max(1, len(x) // 20_000)
    x, y = x[::step], y[::step]
    carried, own = window.carried, window.grey
    # The carried picture's slopes along the part's own axes; a small move of the target is one of the source.
    slope_x, slope_y = (
        cv2.Sobel(carried, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(carried, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    gx, gy = slope_x[y, x].astype(np.float64), slope_y[y, x].astype(np.float64)
    centre = np.array([x.mean(), y.mean()])
    reach = max(1.0, float(x.std() + y.std()))
    u, v, one = (x - centre[0]) / reach, (y - centre[1]) / reach, np.ones(len(x))
    system = np.stack([gx * u, gx * v, gx, gy * u, gy * v, gy, carried[y, x], one], axis=1)
    wanted = own[y, x].astype(np.float64)
    power = system.T @ system
    solved = np.linalg.solve(power + 1e-3 * np.diag(np.diag(power)) + 1e-6 * np.eye(8), system.T @ wanted)
    gain = solved[6] if abs(solved[6]) > 0.2 else 1.0
    change = solved[:6].reshape(2, 3) / gain
    linear = np.eye(2) + change[:, :2] / reach
    start = centre + np.array([window.left, window.top])
    # p -> start + linear (p - start) + shift, then the old transform.
    moved = np.column_stack([linear, start + change[:, 2] - linear @ start])
    return np.column_stack([matrix[:, :2] @ moved[:, :2], matrix[:, :2] @ moved[:, 2] + matrix[:, 2]])


def _described(
    grey: Array, matrix: Floats, transform: Transform, grown: _Grown, radius: int, scale: float
) -> Verified | None:
    window, part, correlation, textured = grown
    part = part & _told_apart(matrix, window, part, grey.shape)
    spoken = part & textured
    if not spoken.any():
        return None
    fine, fine_carried = (one - cv2.GaussianBlur(one, (0, 0), 1.2 * scale) for one in (window.grey, window.carried))
    fine_correlation, _ = _correlation(fine, fine_carried, radius, 0.5)
    source = _whole(part, window, grey.shape)
    places = np.rint(transform.sources).astype(int)
    inside = source[np.clip(places[:, 1], 0, grey.shape[0] - 1), np.clip(places[:, 0], 0, grey.shape[1] - 1)]
    if not inside.any():
        return None
    kept = Transform(matrix, transform.sources[inside], transform.targets[inside], transform.mirrored)
    return Verified(
        transform=kept,
        source=source,
        target=_carried(source, matrix),
        matches=min(count_places(one, 3 * scale) for one in (kept.sources, kept.targets)),
        area=float(np.count_nonzero(spoken)) / scale**2,
        likeness=float(np.median(correlation[spoken])),
        fine_likeness=float(np.median(fine_correlation[spoken])),
        difference=float(np.median(np.abs(window.grey - window.carried)[part])),
    )


def _whole(part: NDArray[np.bool_], window: _Window, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The part in the whole picture."""
    whole = np.zeros(shape, bool)
    whole[window.top : window.top + part.shape[0], window.left : window.left + part.shape[1]] = part
    return whole


def _carried(part: NDArray[np.bool_], matrix: Floats) -> NDArray[np.bool_]:
    return np.asarray(cv2.warpAffine(part.view(np.uint8), matrix, part.shape[::-1], flags=cv2.INTER_NEAREST) > 0)


def _told_apart(matrix: Floats, window: _Window, part: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the part is not its own likeness.

    A mirror image at the same height, or a half turn, carries the one half to the other and back: one half is kept.
    Of other parts, what lies on the likeness is left out, since a pasted part covers what was there.
    """
    y, x = np.nonzero(part)
    away = np.stack([x + window.left, y + window.top], axis=1) @ (matrix[:, :2] - np.eye(2)).T + matrix[:, 2]
    forth = away @ np.linalg.svd(away[:: max(1, len(x) // 2000)], full_matrices=False)[2][0] > 0
    kept = np.zeros_like(part)
    if 0.1 < forth.mean() < 0.9:
        kept[y, x] = forth
        return kept
    target = _carried(_whole(part, window, shape), matrix)
    return ~target[window.top : window.top + part.shape[0], window.left : window.left + part.shape[1]]
