"""Points of a picture that can be recognised when they stand in it twice, turned, scaled or mirrored."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

MOST_KEYPOINTS = {True: 6500, False: 5000}
"""Of small pictures, which have few to spare, and of others."""
CONTRAST = 0.005
"""SIFT's contrast threshold, an eighth of the usual one: smooth parts are copied, too."""
EDGE = 15
RATIO = 0.8
"""How much nearer than the next one a match must be (2NN test of Lowe; g2NN of Amerini et al. for several copies)."""
FARTHEST = 0.45
"""Largest distance of RootSIFT descriptors (0 .. sqrt 2) of a match."""
MOST_COPIES = 3
_LISTED = MOST_COPIES + 3
_SAME_PLACE = 8.0
_ROWS = 250


@dataclass(frozen=True)
class Keypoints:
    """Keypoints from the top of the picture to its bottom.

    Attributes:
        places: (n, 2) float32, x and y in pixels.
        sizes: (n,) float32, diameter in pixels.
        angles: (n,) float32, orientation in radians, clockwise.
        descriptors: (n, 128) float32 of length 1 (RootSIFT).
    """

    places: Array
    sizes: Array
    angles: Array
    descriptors: Array

    def __len__(self) -> int:
        """How many."""
        return len(self.places)


def find_keypoints(grey: NDArray[np.uint8], small: bool = False) -> Keypoints:
    """SIFT keypoints (Lowe, IJCV 2004) with RootSIFT descriptors (Arandjelovic and Zisserman, CVPR 2012).

    Args:
        grey: (h, w) uint8.
        small: whether it is a small picture in twice its size.
    """
    most = MOST_KEYPOINTS[small]
    sift = cv2.SIFT.create(nfeatures=most, contrastThreshold=CONTRAST, edgeThreshold=EDGE)
    found, descriptors = sift.detectAndCompute(grey, None)
    if not len(found):  # OpenCV then gives no descriptors at all
        return Keypoints(*(np.zeros(shape, np.float32) for shape in ((0, 2), 0, 0, (0, 128))))
    found_places = np.array([one.pt for one in found], np.float32)
    order = np.argsort(found_places[:, 1], kind="stable")[:most]
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return Keypoints(
        found_places[order],
        np.array([found[i].size for i in order], np.float32),
        np.deg2rad(np.array([found[i].angle for i in order], np.float32)),
        root[order].astype(np.float32),
    )


# A descriptor is 4 x 4 cells of 8 directions, laid along the keypoint's orientation: mirrored, the cells across it
# change sides and the directions turn the other way.
_MIRROR = np.array([(3 - i) * 32 + j * 8 + (8 - o) % 8 for i in range(4) for j in range(4) for o in range(8)])


_FIRST = np.flatnonzero(np.arange(len(_MIRROR)) < _MIRROR)
"""The first of each two elements that change places."""


def match_within(points: Keypoints, nearest: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of keypoints that look alike, and unlike all others.

    Args:
        points: of one picture.
        nearest: pixels that two points of a pair are apart at least.

    Returns:
        Those that look alike as they are, and those that look like each other's mirror image: (n, 2) indices each,
        each pair in both directions.
    """
    upright: list[NDArray[np.intp]] = [np.zeros((0, 2), np.intp)]
    mirrored = upright.copy()
    if len(points) > _LISTED:
        # A descriptor's even half stays as it is in the mirror, its odd half changes its sign. So the products of the
        # halves give the likeness to both, the picture and its mirror image, for the work of one.
        one, other = points.descriptors[:, _FIRST], points.descriptors[:, _MIRROR[_FIRST]]
        even, odd = (one + other) / np.float32(math.sqrt(2)), (one - other) / np.float32(math.sqrt(2))
        for start in range(0, len(points), _ROWS):
            rows = slice(start, min(len(points), start + _ROWS))
            shared, apart = even[rows] @ even.T, odd[rows] @ odd.T
            for pairs, likeness in ((upright, shared + apart), (mirrored, np.subtract(shared, apart, out=shared))):
                _leave_out_near(likeness, points.places, rows, nearest)
                pairs.append(_unlike_others(likeness, points.places, start))
    one_way, other_way = np.concatenate(upright), np.concatenate(mirrored)
    return _both_ways(one_way), _both_ways(other_way)


def _both_ways(pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)


def _leave_out_near(likeness: Array, places: Array, rows: slice, nearest: float) -> None:
    """Set the likeness of neighbours to -1; those lie near in the list, too, which is sorted from top to bottom."""
    heights = places[:, 1]
    first = int(np.searchsorted(heights, heights[rows.start] - nearest))
    last = int(np.searchsorted(heights, heights[rows.stop - 1] + nearest, "right"))
    across, down = (places[rows, axis, None] - places[None, first:last, axis] for axis in (0, 1))
    likeness[:, first:last][across * across + down * down < nearest**2] = -1


def _unlike_others(likeness: Array, places: Array, start: int) -> NDArray[np.intp]:
    """Pairs that pass the generalised 2NN test, for some rows of the likeness of all with all."""
    nearest = np.sqrt(np.maximum(2 - 2 * likeness.max(axis=1), 1e-6))
    rows = np.flatnonzero(nearest < FARTHEST)
    # As many that are hardly farther than the first leave no clear gap between any two of them.
    hardly_farther = likeness[rows] > (1 - (nearest[rows] / RATIO) ** 2 / 2)[:, None]
    rows = rows[np.count_nonzero(hardly_farther, axis=1) < _LISTED]
    likeness = likeness[rows]
    at = np.arange(len(rows))
    best = np.empty((len(rows), _LISTED), np.intp)
    distance = np.empty((len(rows), _LISTED), np.float32)
    for column in range(_LISTED):
        best[:, column] = likeness.argmax(axis=1)
        distance[:, column] = np.sqrt(np.maximum(2 - 2 * likeness[at, best[:, column]], 1e-6))
        likeness[at, best[:, column]] = -1
    # A place has several keypoints, of other orientations or sizes: the first speaks for all.
    gaps = places[best][:, :, None] - places[best][:, None]
    again = np.tril((gaps**2).sum(axis=3) < _SAME_PLACE**2, -1).any(axis=2)
    order = np.argsort(again, axis=1, kind="stable")
    best, distance = np.take_along_axis(best, order, 1), np.take_along_axis(distance, order, 1)
    last = _LISTED - again.sum(axis=1) - 1
    clear = distance[:, :-1] < RATIO * distance[:, 1:]
    clear &= np.arange(_LISTED - 1) < np.minimum(last, MOST_COPIES)[:, None]
    # Every one before the first clear gap is a copy.
    copies = np.where(clear.any(axis=1), clear.argmax(axis=1) + 1, 0)
    taken = (np.arange(_LISTED) < copies[:, None]) & (distance < FARTHEST)
    row, place = np.nonzero(taken)
    return np.stack([start + rows[row], best[row, place]], axis=1)
