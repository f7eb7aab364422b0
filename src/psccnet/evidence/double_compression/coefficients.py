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
SHARES = np.array([0.3, 0.5, 0.7, 0.85, 0.95, 1.0])
"""Shares of the picture that a first compression may have touched, of which the likeliest is taken."""
LEAST_GAIN = 0.01
"""Log-likelihood by which a value must speak for two compressions, on average, for a frequency to tell anything."""
LEAST_EVIDENCE = 12.0
"""Likewise all values of a frequency together: of several hundred first compressions tried, one may fit by chance."""
FEWEST = 64
"""Squares under which histograms are too poor."""
_ROUNDING = 0.4
"""Standard deviation, in units of a coefficient, that rounding pixels between the compressions adds."""
_FLOOR = 0.2
"""Values between the peaks are never held rarer than this share: rounding is not all that puts them there."""
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
        first = first_step(_counts(found), _counts(other), step)
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


def _counts(values: Coefficients) -> NDArray[np.float64]:
    """How often each value from -LARGEST to LARGEST occurs, with none of 0."""
    kept = values[np.abs(values) <= LARGEST]
    counts = np.bincount(kept.ravel().astype(np.int64) + LARGEST, minlength=2 * LARGEST + 1).astype(np.float64)
    counts[LARGEST] = 0
    return counts


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


@lru_cache(maxsize=128)
def _all_peaks(last: int) -> NDArray[np.float64]:
    """`peaks` of all first steps, (LARGEST_STEP, 2 * LARGEST + 1)."""
    return np.stack([peaks(first, last) for first in range(1, LARGEST_STEP + 1)])


def first_step(found: NDArray[np.float64], single: NDArray[np.float64], last: int) -> int | None:
    """The step of the first quantisation that makes a histogram likeliest, or None where none is clearly likelier.

    Args:
        found: (2 * LARGEST + 1,), how often the picture has each value from -LARGEST to LARGEST, with none of 0.
        single: of the same picture with its squares moved by half a square: as if compressed once.
        last: step of the last quantisation.
    """
    total = found.sum()
    if total == 0 or single.sum() == 0:
        return None
    change = _all_peaks(last)
    change = change / np.maximum(change @ single / single.sum(), 1e-6)[:, None]
    shares = 0.97 * SHARES[:, None, None]  # never certain, so that no value is impossible
    gains = np.log(1 + shares * (change - 1)) @ found / total
    first = int(np.argmax(gains.max(axis=0)))
    gain = float(gains[:, first].max())
    return first + 1 if gain >= LEAST_GAIN and gain * total >= LEAST_EVIDENCE else None
