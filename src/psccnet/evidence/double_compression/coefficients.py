"""The histograms of a JPEG's coefficients, and what a first compression left in them.

After Lin, He, Tang and Tang, Pattern Recognition 2009, in the form of Bianchi, De Rosa and Piva, ICASSP 2011.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Coefficients = NDArray[np.int16]

FREQUENCIES = (
    (0, 1),
    (1, 0),
    (2, 0),
    (1, 1),
    (0, 2),
    (0, 3),
    (1, 2),
    (2, 1),
    (3, 0),
    (4, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 4),
)
"""(vertical, horizontal), the first ones of the zigzag without the mean of the square."""
LARGEST = 40
"""Coefficients above this are too rare to tell anything."""
LARGEST_STEP = 60
"""The first compression's quantisation steps that are tried."""
LEAST_FIT = 0.5
"""By which share the best first step must reduce the misfit of the histogram; otherwise the frequency tells nothing."""
FEWEST = 64
"""Squares under which histograms are too poor."""
_ROUNDING = 0.4
"""Standard deviation, in units of a coefficient, that rounding pixels between the compressions adds."""
_FLOOR = 0.05
_STRIP = 64
"""Rows of squares at once, so that memory stays bounded."""
_COSINES = np.array(
    [
        [math.sqrt((1 if u == 0 else 2) / 8) * math.cos((2 * x + 1) * u * math.pi / 16) for x in range(8)]
        for u in range(8)
    ],
    np.float32,
)


@dataclass(frozen=True)
class Frequency:
    """One of `FREQUENCIES` in a picture that was compressed twice.

    Attributes:
        found: (H // 8, W // 8) int16, its coefficients in steps of the last quantisation.
        step: that step.
        logs: (2 * LARGEST + 1,), the logarithm of how many times as frequent each value from -LARGEST to LARGEST is
            after two quantisations as after the last one alone; 0 for the value 0, which is too frequent for the model.
    """

    found: Coefficients
    step: int
    logs: Map

    def log_ratio(self, away_from_zero: bool = False) -> Map:
        """How much each square speaks for two compressions, against one: a logarithm of likelihoods.

        Args:
            away_from_zero: leave out values that rounding alone may have made of 0, as in clear skies.

        Returns:
            (H // 8, W // 8) float32.
        """
        size = np.abs(self.found)
        told = (size < LARGEST) & (size > 0)
        if away_from_zero:
            told &= (size - 0.5) * self.step >= 4 * _ROUNDING
        places = np.clip(self.found, -LARGEST, LARGEST) + LARGEST
        return np.where(told, self.logs[places], np.float32(0))

    @property
    def support(self) -> float:
        """By how much, on average, a value of the picture speaks for two compressions."""
        told = int(((self.found != 0) & (np.abs(self.found) < LARGEST)).sum())
        return float(self.log_ratio().sum(dtype=np.float64)) / max(1, told)


def compressed_twice(grey: NDArray[np.uint8], table: NDArray[np.int64]) -> list[Frequency]:
    """The frequencies whose histograms show that the picture was compressed before on the same squares.

    Args:
        grey: (H, W) uint8, luminance as stored.
        table: (8, 8), steps of the last compression.
    """
    coefficients = quantised(grey, table)
    shifted = quantised(grey[4:, 4:], table) if min(grey.shape) > 16 else coefficients[:, :0]
    frequencies = []
    for (v, u), found, other in zip(FREQUENCIES, coefficients, shifted, strict=False):
        if min(found.size, other.size) < FEWEST:
            continue
        step = int(table[v, u])
        first = first_step(_histogram(found), _histogram(other), step)
        if first is not None:
            logs = np.log(np.maximum(peaks(first, step), _FLOOR)).astype(np.float32)
            logs[LARGEST] = 0
            frequencies.append(Frequency(found, step, logs))
    return frequencies


def quantised(grey: NDArray[np.uint8], table: NDArray[np.int64]) -> Coefficients:
    """The coefficients of `FREQUENCIES` of each whole square: (frequencies, H // 8, W // 8) int16, in steps."""
    down, across = (side // 8 for side in grey.shape)
    made = np.zeros((len(FREQUENCIES), down, across), np.int16)
    for top in range(0, down, _STRIP):
        bottom = min(down, top + _STRIP)
        strip = grey[8 * top : 8 * bottom, : 8 * across].astype(np.float32) - 128
        squares = strip.reshape(bottom - top, 8, across, 8)
        columns = np.einsum("ux,hywx->hywu", _COSINES[:5], squares)
        whole = np.einsum("vy,hywu->vuhw", _COSINES[:5], columns)
        for place, (v, u) in enumerate(FREQUENCIES):
            made[place, top:bottom] = np.rint(whole[v, u] / table[v, u])
    return made


def _histogram(values: Coefficients) -> NDArray[np.float64]:
    """The share of each value from -LARGEST to LARGEST, without 0."""
    kept = values[np.abs(values) <= LARGEST]
    counts = np.bincount(kept.ravel().astype(np.int64) + LARGEST, minlength=2 * LARGEST + 1).astype(np.float64)
    counts[LARGEST] = 0
    return np.asarray(counts / max(counts.sum(), 1))


@lru_cache(maxsize=8192)
def peaks(first: int, last: int) -> NDArray[np.float64]:
    """How many times as frequent each value is after two quantisations as after the last one alone (n of the paper).

    Args:
        first: step of the first quantisation.
        last: step of the last one.

    Returns:
        (2 * LARGEST + 1,), for the values from -LARGEST to LARGEST; 1 on average.
    """
    values = np.arange(-LARGEST, LARGEST + 1)
    most = (LARGEST + 1) * last // first + 2
    multiples = first * np.arange(-most, most + 1)
    ends = (np.append(values, LARGEST + 1)[:, None] - 0.5) * last
    shares = _below((ends - multiples) / _ROUNDING)
    return np.asarray(np.diff(shares, axis=0).sum(axis=1) * first / last)


def _below(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal distribution's share below z, by its logistic likeness (off by less than 0.01)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(1.702 * z, -40, 40))))


def first_step(found: NDArray[np.float64], single: NDArray[np.float64], last: int) -> int | None:
    """The step of a first quantisation that explains a histogram, or None where none does.

    Args:
        found: histogram of the picture's coefficients.
        single: of the same picture with its squares moved by half a square: as if compressed once.
        last: step of the last quantisation.
    """
    misfit = float(((found - single) ** 2).sum())
    best, best_left = None, (1 - LEAST_FIT) * misfit
    for first in range(1, LARGEST_STEP + 1):
        change = single * (peaks(first, last) - 1)
        size = float((change**2).sum())
        if size < 1e-9:
            continue
        share = min(1.0, max(0.0, float(((found - single) * change).sum()) / size))
        left = float(((found - single - share * change) ** 2).sum())
        if left < best_left:
            best, best_left = first, left
    return best
