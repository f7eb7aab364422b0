"""Methods that learn nothing: what any network has to beat, and the signals that older forensics looks at."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evaluation.comparators.base import Localization, Question
from psccnet.evaluation.distortions import jpeg
from psccnet.pictures.sample import Picture

ELA_QUALITY = 90
GHOST_QUALITIES = tuple(range(50, 100, 5))
GHOST_BLOCK = 16
NOISE_BLOCK = 16


@dataclass(frozen=True)
class Trivial:
    """A map of a picture; its score is the mean of the map, as in PSCC-Net-dagger (Section IV-C)."""

    name: str
    map: Callable[[Picture], NDArray[np.float32]]
    identity: str = "1"
    threshold: float = float("nan")
    exit_scales: bool = False

    def localize(self, question: Question, /) -> Localization:
        """The map of the picture and its mean."""
        mask = self.map(question.image)
        return Localization(mask, float(mask.mean()))


def centre_prior(picture: Picture) -> NDArray[np.float32]:
    """1 in the middle, falling linearly to 0 in the corners; sees the picture's size only.

    Examples:
        >>> centre_prior(np.zeros((3, 3, 3), np.uint8)).astype(float).round(2).tolist()
        [[0.0, 0.29, 0.0], [0.29, 1.0, 0.29], [0.0, 0.29, 0.0]]
    """
    height, width = picture.shape[:2]
    y, x = (np.linspace(-1, 1, side) if side > 1 else np.zeros(1) for side in (height, width))
    distance = np.hypot(y[:, None], x[None]) / np.sqrt(2)
    return np.asarray(1 - distance, np.float32)


def noise_map(picture: Picture) -> NDArray[np.float32]:
    """How far the local noise level is from the picture's usual one.

    The noise is what a 3 x 3 median takes away; its level is the mean of its absolute values in a 16 x 16 square around
    the pixel; the map is the distance of the level's logarithm from the picture's median one, brought to 0..1.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    residue = np.abs(grey.astype(np.float32) - cv2.medianBlur(grey, 3).astype(np.float32))
    level = np.log(cv2.blur(residue, (NOISE_BLOCK, NOISE_BLOCK)) + 0.1)
    return _scaled(np.abs(level - np.median(level)))


def error_level(picture: Picture) -> NDArray[np.float32]:
    """Error-level analysis: how much one more compression at quality 90 changes, smoothed, brought to 0..1."""
    change = np.abs(picture.astype(np.float32) - jpeg(picture, ELA_QUALITY).astype(np.float32)).max(axis=2)
    return _scaled(cv2.blur(change, (9, 9)))


def jpeg_ghosts(picture: Picture) -> NDArray[np.float32]:
    """JPEG ghosts (Farid, 2009): regions that one more compression at some quality changes less than the rest.

    The squared changes at qualities 50, 55 .. 95, averaged over 16 x 16 squares, are brought to 0..1 over the qualities
    in each square; of the ten maps, the one with two clearest groups of squares (Otsu's measure) is turned over.
    """
    original = picture.astype(np.float32)
    changes = []
    for quality in GHOST_QUALITIES:
        squared = ((original - jpeg(picture, quality).astype(np.float32)) ** 2).mean(axis=2)
        changes.append(cv2.blur(squared, (GHOST_BLOCK, GHOST_BLOCK)))
    stack = np.stack(changes)
    low, high = stack.min(axis=0), stack.max(axis=0)
    stack = (stack - low) / np.maximum(high - low, 1e-6)
    best = max(stack, key=_separation)
    return np.asarray(1 - best, np.float32)


def _separation(values: NDArray[np.float32]) -> float:
    """The share of the variance that the best cut into two groups explains, 0..1 (Otsu)."""
    counts, edges = np.histogram(values, bins=64, range=(0, 1))
    middles, share = (edges[:-1] + edges[1:]) / 2, counts / counts.sum()
    below = np.cumsum(share)[:-1]
    sums, total = np.cumsum(share * middles)[:-1], float((share * middles).sum())
    variance = float((share * (middles - total) ** 2).sum())
    if variance < 1e-9:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total * below - sums) ** 2 / (below * (1 - below))
    return float(np.nanmax(between, initial=0.0) / variance)


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values from 0 up brought to 0..1, their 99th percentile and all above it to 1; a constant map to 0."""
    top = float(np.percentile(values, 99))
    return np.clip(values / top, 0, 1).astype(np.float32) if top > 1e-6 else np.zeros_like(values)


_ALL = (
    Trivial("centre", centre_prior),
    Trivial("noise", noise_map),
    Trivial("ela", error_level),
    Trivial("ghosts", jpeg_ghosts),
)
TRIVIAL = {method.name: method for method in _ALL}
"""Centre prior, noise map, error-level analysis, JPEG ghosts."""
