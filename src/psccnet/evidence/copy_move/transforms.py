"""Affine transforms that carry many keypoints of a picture to points that look the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.copy_move.keypoints import Keypoints

Floats = NDArray[np.float64]

LEAST_MATCHES = 4
MOST_TRANSFORMS = 4
"""Of one kind, upright or mirrored."""
_HYPOTHESES = 400
_REFINED = 8
_LEAST_FOR_AFFINE = 8
_LARGEST_SCALE = 4.0
_MOST_STRETCH = 2.0


@dataclass(frozen=True)
class Transform:
    """From a part of the picture to its likeness.

    Attributes:
        matrix: (2, 3) float64, takes (x, y, 1) to the likeness.
        sources: (n, 2) places of the keypoints that it carries.
        targets: (n, 2) where their likenesses stand.
        mirrored: whether it changes left and right.
    """

    matrix: Floats
    sources: Floats
    targets: Floats
    mirrored: bool

    @property
    def distinct(self) -> int:
        """How many keypoints at different places agree."""
        return min(count_places(self.sources), count_places(self.targets))


def count_places(points: Floats, cell: float = 3.0) -> int:
    """How many cells of a grid hold a point."""
    at = np.rint(points / cell).astype(np.int64)
    # One number a cell is sorted much faster than rows of two.
    return len(np.unique(at[:, 0] * (1 << 32) + at[:, 1]))


def apply(matrix: Floats, points: Floats) -> Floats:
    """Carry (n, 2) points."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def inverse(matrix: Floats) -> Floats:
    """The way back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def find_transforms(points: Keypoints, pairs: NDArray[np.intp], mirrored: bool, scale: float) -> list[Transform]:
    """The transforms on which most pairs agree, one after the other; the pairs of one are not used for the next.

    Each pair proposes the similarity that its two keypoints' sizes and orientations say; the proposals with most
    followers are fitted to these (locally optimised RANSAC; Chum, Matas and Kittler, 2003).

    Args:
        points: of the picture.
        pairs: (n, 2) indices, each pair in both directions.
        mirrored: whether the pairs are of mirrored descriptors.
        scale: how many pixels here are one of the picture's.
    """
    places = points.places.astype(np.float64)
    sources, targets = places[pairs[:, 0]], places[pairs[:, 1]]
    proposals = _proposals(points, pairs, mirrored)
    size = np.sqrt(np.abs(np.linalg.det(proposals[:, :, :2])))
    usable = (size < _LARGEST_SCALE) & (size > 1 / _LARGEST_SCALE)
    left = np.ones(len(pairs), bool)
    random = np.random.default_rng(0)
    found: list[Transform] = []
    while len(found) < MOST_TRANSFORMS and np.count_nonzero(left) >= LEAST_MATCHES:
        asked = np.flatnonzero(left & usable)
        if len(asked) > _HYPOTHESES:
            asked = random.choice(asked, _HYPOTHESES, replace=False)
        best = _best(proposals[asked], sources[asked], sources[left], targets[left], mirrored, scale)
        if best is None:
            break
        found.append(best)
        for matrix in (best.matrix, inverse(best.matrix)):
            left &= np.hypot(*(apply(matrix, sources) - targets).T) >= 4 * scale
    return found


def _proposals(points: Keypoints, pairs: NDArray[np.intp], mirrored: bool) -> Floats:
    """(n, 2, 3): the similarity that carries one keypoint's place, size and orientation to the other's."""
    one, other = pairs.T
    size = points.sizes[other].astype(np.float64) / points.sizes[one]
    turn = points.angles[other] + points.angles[one] if mirrored else points.angles[other] - points.angles[one]
    cos, sin = size * np.cos(turn), size * np.sin(turn)
    sign = -1 if mirrored else 1
    linear = np.stack([np.stack([cos, -sign * sin], -1), np.stack([sin, sign * cos], -1)], axis=1)
    shift = points.places[other] - np.einsum("nij,nj->ni", linear, points.places[one])
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def _best(
    proposals: Floats, centres: Floats, sources: Floats, targets: Floats, mirrored: bool, scale: float
) -> Transform | None:
    """The transform with most distinct followers, or None where none has enough."""
    if not len(proposals):
        return None
    carried = np.einsum("hij,nj->hni", proposals[:, :, :2], sources) + proposals[:, None, :, 2]
    error = np.linalg.norm(carried - targets, axis=2)
    # Sizes and orientations of keypoints are rough: the farther from the one that proposes, the larger the error.
    distance = np.linalg.norm(sources - centres[:, None], axis=2)
    follows = error < np.minimum(3 * scale + 0.08 * distance, 12 * scale)
    best = None
    for proposal in np.argsort(-follows.sum(axis=1), kind="stable")[:_REFINED]:
        fitted = _fitted(follows[proposal], sources, targets, mirrored, scale)
        if fitted is not None and (best is None or fitted.distinct > best.distinct):
            best = fitted
    return best


def _fitted(
    follows: NDArray[np.bool_], sources: Floats, targets: Floats, mirrored: bool, scale: float
) -> Transform | None:
    """Fit to the followers, find the followers of the fit, and so on; None where too few are left."""
    matrix = np.zeros((2, 3))
    for tolerance in (6, 3, 2, 2):
        if np.count_nonzero(follows) < LEAST_MATCHES:
            return None
        affine = count_places(sources[follows]) >= _LEAST_FOR_AFFINE
        matrix = (_affine if affine else _similarity)(sources[follows], targets[follows], mirrored)
        follows = np.hypot(*(apply(matrix, sources) - targets).T) < tolerance * scale
    large, small = np.linalg.svd(matrix[:, :2], compute_uv=False)
    plausible = small > 1 / _LARGEST_SCALE and large < min(_LARGEST_SCALE, _MOST_STRETCH * small)
    if not plausible or (np.linalg.det(matrix[:, :2]) < 0) != mirrored:
        return None
    made = Transform(matrix, sources[follows], targets[follows], mirrored)
    return made if made.distinct >= LEAST_MATCHES else None


def _affine(sources: Floats, targets: Floats, _mirrored: bool) -> Floats:
    """The affine transform of least squares."""
    middle, other = sources.mean(axis=0), targets.mean(axis=0)
    linear = np.linalg.lstsq(sources - middle, targets - other, rcond=None)[0].T
    return np.column_stack([linear, other - linear @ middle])


def _similarity(sources: Floats, targets: Floats, mirrored: bool) -> Floats:
    """The similarity of least squares, mirrored or not, by complex numbers."""
    middle, other = sources.mean(axis=0), targets.mean(axis=0)
    x, y = (sources - middle).T
    one = x - 1j * y if mirrored else x + 1j * y
    two = (targets - other) @ np.array([1, 1j])
    power = float((np.abs(one) ** 2).sum())
    factor = (two * one.conj()).sum() / power if power > 1e-9 else 1.0 + 0j
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    if mirrored:
        linear = linear @ np.diag([1.0, -1.0])
    return np.column_stack([linear, other - linear @ middle])
