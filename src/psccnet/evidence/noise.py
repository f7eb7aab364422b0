"""Noise: find parts with less or more noise than other places of the same brightness.

Squares of 8 x 8 pixels are sorted by brightness. Of each brightness, those with the least structure are kept, and the
fifth of them with the least noise, and that with the most, are marked. By chance, marks are spread over the
picture; the binomial distribution gives the probability that as many gather in one part. After Gardella et al.,
Noisesniffer, 2021.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.binomial import log10_tail
from psccnet.evidence.finding import Finding, Region

NAME = "noise"
HOW_TO_READ = (
    "A camera's noise depends on the brightness alone. A part that was pasted, scaled, smoothed or painted may have"
    " less or more noise. So may parts that are out of focus or that JPEG has smoothed."
)
SOURCE = "Gardella et al., Noisesniffer: a fully automatic image forgery detector based on noise analysis, IWBF 2021"

BLOCK = 8
"""Side of a square in pixels."""
SMOOTH = 0.3
"""Share of the squares of a brightness that are kept: those with the least structure."""
EXTREME = 0.2
"""Share of the kept squares that are marked for least noise, and for most noise."""
DARKEST, BRIGHTEST = 6, 249
"""Pixels of a usable square are within these grey levels; beyond them the sensor clips the noise."""
FEWEST = 400
"""With fewer usable squares there is no finding."""
_BRIGHTNESSES = 16
_WINDOWS = (8, 16, 32)
"""Sides of the windows in which marks are counted, in squares."""
_ROWS_AT_ONCE = 128
_LEAST_NOISE = 0.05
"""About the energy that rounding to whole grey levels leaves, in grey levels squared."""
ALARMS = ((0.0, 1.0), (4.99, 0.5), (10.2, 0.2), (14.31, 0.1), (17.8, 0.05), (22.83, 0.02), (28.36, 0.01))
"""Pairs: -log10 of the strongest part's NFA, and the share of 400 untouched photographs that reach it
(`benchmarks/evidence.py noise`). The NFA alone is too small, since neighbours in real pictures are alike,
which it ignores."""


@dataclass(frozen=True)
class Squares:
    """Measurements of the squares of a picture, each (h, w).

    Attributes:
        brightness: mean grey level.
        structure: energy of the low frequencies divided by that of the high ones. For pure noise it does not depend on
            the amount of noise; where JPEG has smoothed the picture it is high.
        noise: mean energy of the high frequencies.
        usable: false if a pixel is clipped.
    """

    brightness: NDArray[np.float32]
    structure: NDArray[np.float32]
    noise: NDArray[np.float32]
    usable: NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A window with more marks than chance explains.

    Attributes:
        rows: range of rows, in squares.
        columns: range of columns, in squares.
        more: whether it has more noise than elsewhere; otherwise it has less.
        log10_nfa: decimal logarithm of how often chance gathers as many marks in a picture of this size.
    """

    rows: slice
    columns: slice
    more: bool
    log10_nfa: float


def noise_level(pixels: NDArray[np.uint8]) -> Finding | None:
    """Look for parts with less or more noise than others of the same brightness.

    Args:
        pixels: (H, W, 3) uint8, RGB.

    Returns:
        A finding with a map of where the noise differs; its `false_alarms` is the share of untouched photographs that
        show as much. It never counts for the verdict, since depth of field and JPEG make such parts, too. None if fewer
        than 400 squares can be used.
    """
    if pixels.shape[0] // BLOCK * (pixels.shape[1] // BLOCK) < FEWEST:
        return None
    squares = measure(pixels)
    if squares.usable.sum() < FEWEST:
        return None
    kept, less, more = marks(squares)
    parts = gathered(kept, less, more)
    strongest = min(parts, key=lambda part: part.log10_nfa, default=None)
    alarms = false_alarms(0.0 if strongest is None else strongest.log10_nfa)
    if strongest is None or alarms > 0.5:
        sentence = "No part has clearly less or more noise than other places of the same brightness."
        regions: tuple[Region, ...] = ()
    else:
        kind = "more" if strongest.more else "less"
        sentence = (
            f"A part has {kind} noise than other places of the same brightness; {100 * alarms:.0f} in 100 untouched"
            " photographs show as much."
        )
        top, bottom = BLOCK * strongest.rows.start, BLOCK * strongest.rows.stop
        left, right = BLOCK * strongest.columns.start, BLOCK * strongest.columns.stop
        regions = (Region(((left, top), (right, top), (right, bottom), (left, bottom)), f"{kind} noise"),)
    return Finding(
        NAME, sentence, HOW_TO_READ, alarms, regions=regions, map=difference(kept, less, more), source=SOURCE
    )


def measure(pixels: NDArray[np.uint8]) -> Squares:
    """Measure brightness, structure and noise of each whole square."""
    rows = _ROWS_AT_ONCE * BLOCK
    height = pixels.shape[0] // BLOCK * BLOCK
    strips = [_measured(pixels[start : min(start + rows, height)]) for start in range(0, height, rows)]
    joined = (np.concatenate(values) for values in zip(*strips, strict=True))
    return Squares(*joined)


def _measured(strip: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
    grey = cv2.cvtColor(np.ascontiguousarray(strip), cv2.COLOR_RGB2GRAY)
    height, width = (side // BLOCK for side in grey.shape)
    squares = grey[:, : width * BLOCK].reshape(height, BLOCK, width, BLOCK).swapaxes(1, 2)
    usable = (squares.min((2, 3)) >= DARKEST) & (squares.max((2, 3)) <= BRIGHTEST)
    waves = squares.astype(np.float32)
    energy = (_DCT @ waves @ _DCT.T) ** 2
    noise = energy[..., _HIGH].mean(-1)
    return waves.mean((2, 3)), energy[..., _LOW].mean(-1) / (noise + _LEAST_NOISE), noise, usable


def _dct() -> NDArray[np.float32]:
    """The orthonormal DCT of 8 values as a matrix."""
    frequency, place = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None]
    matrix = np.cos(np.pi * (2 * place + 1) * frequency / (2 * BLOCK)) / 2
    matrix[0] /= math.sqrt(2)
    return matrix.astype(np.float32)


_DCT = _dct()
_ORDER = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
_LOW = (_ORDER > 1) & (_ORDER < 5)  # without the lowest, the slopes that every sky has
_HIGH = _ORDER >= 7


def marks(squares: Squares) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which squares are kept, and which of those are marked for least and for most noise; each (h, w) bool."""
    kept, less, more = (np.zeros(squares.usable.shape, bool) for _ in range(3))
    usable = np.flatnonzero(squares.usable)
    # Groups of about equal size, by brightness.
    ordered = usable[np.argsort(squares.brightness.ravel()[usable], kind="stable")]
    for group in np.array_split(ordered, min(_BRIGHTNESSES, max(1, len(ordered) // 200))):
        plain = group[np.argsort(squares.structure.ravel()[group], kind="stable")]
        plain = plain[: max(1, round(SMOOTH * len(plain)))]
        by_noise = plain[np.argsort(squares.noise.ravel()[plain], kind="stable")]
        count = max(1, round(EXTREME * len(by_noise)))
        kept.ravel()[plain] = True
        less.ravel()[by_noise[:count]] = True
        more.ravel()[by_noise[-count:]] = True
    return kept, less, more


def gathered(kept: NDArray[np.bool_], less: NDArray[np.bool_], more: NDArray[np.bool_]) -> list[Part]:
    """Windows in which more squares are marked than chance explains (NFA < 1)."""
    parts: list[Part] = []
    sums = [np.pad(marked.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1) for marked in (kept, less, more)]
    inside = {side: [_in_windows(summed, side) for summed in sums] for side in _WINDOWS if side <= min(kept.shape)}
    tests = math.log10(max(1, 2 * sum(counts[0].size for counts in inside.values())))
    for side, (trials, *marked) in inside.items():
        # With less than three standard deviations, a window can never be significant.
        least = EXTREME * trials + 3 * np.sqrt(EXTREME * (1 - EXTREME) * trials)
        for successes, is_more in zip(marked, (False, True), strict=True):
            for row, column in np.argwhere((successes > least) & (trials > 0)).tolist():
                log10_nfa = tests + log10_tail(int(trials[row, column]), int(successes[row, column]), EXTREME)
                if log10_nfa < 0:
                    top, left = row * side // 2, column * side // 2
                    parts.append(Part(slice(top, top + side), slice(left, left + side), is_more, log10_nfa))
    return parts


def _in_windows(sums: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """The number of marked squares in each window of side x side squares; windows are half a side apart."""
    step = side // 2
    top, bottom = sums[:-side:step], sums[side::step]
    count = min(len(top), len(bottom))
    rows = bottom[:count] - top[:count]
    left, right = rows[:, :-side:step], rows[:, side::step]
    count = min(left.shape[1], right.shape[1])
    return right[:, :count] - left[:, :count]


def difference(
    kept: NDArray[np.bool_], less: NDArray[np.bool_], more: NDArray[np.bool_], side: int = 9
) -> NDArray[np.float32]:
    """(h, w) float32, 0..1: how much larger the share of marked squares around each is than in the whole picture."""

    def around(marked: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(marked.astype(np.float32), (0, 0), side / 3), np.float32)

    weight = around(kept) + 0.05  # where few squares are kept, their shares mean little
    shares = np.maximum(around(less), around(more)) / weight
    return np.asarray(np.clip((shares - EXTREME) / (1 - EXTREME), 0, 1), np.float32)


def false_alarms(log10_nfa: float) -> float:
    """The share of untouched photographs that have a part with this NFA or a smaller one, 0..1.

    Examples:
        >>> false_alarms(0.0), round(false_alarms(-28.36), 6)
        (1.0, 0.01)
    """
    levels, shares = zip(*ALARMS, strict=True)
    return float(math.exp(np.interp(-log10_nfa, levels, np.log(shares))))
