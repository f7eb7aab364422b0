"""Calibration of detection scores by untouched pictures of several sizes: from a score to its false-alarm rate."""

import math
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
"""False-alarm rates for which scores are kept."""
FEWEST = 100
"""A size class needs this many pictures; with fewer, a rate of 2 % is not measurable."""
SIZES = {"small": 0, "medium": 200, "large": 600}
"""The least shorter side of each size class, in pixels."""


def size_class(shorter: int) -> str:
    """The size class of a picture by its shorter side in pixels."""
    return [name for name, least in SIZES.items() if shorter >= least][-1]


class Calibration(BaseModel):
    """Scores at given false-alarm rates on untouched pictures (split conformal prediction; Vovk et al., 2005).

    Attributes:
        scores: size class -> one ascending score for each of `RATES`: that share of pictures has this score or more.
            None where there were too few pictures.
        pictures: size class -> number of pictures.
        of: which pictures were used, as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scores: dict[str, list[float | None]] = Field(default_factory=dict)
    pictures: dict[str, int] = Field(default_factory=dict)
    of: str = ""

    @classmethod
    def from_scores(cls, scored: Iterable[tuple[int, float]], of: str = "") -> Self:
        """Calibrate from the scores of untouched pictures.

        Args:
            scored: the shorter side in pixels and the score, 0..1, of each untouched picture.
            of: which pictures were used, as text.
        """
        by_size: dict[str, list[float]] = {}
        for shorter, score in scored:
            by_size.setdefault(size_class(shorter), []).append(score)
        return cls(
            scores={name: _reached(np.sort(np.asarray(values, np.float64))[::-1]) for name, values in by_size.items()},
            pictures={name: len(values) for name, values in by_size.items()},
            of=of,
        )

    def false_alarms(self, score: float, shorter: int) -> float:
        """The share of untouched pictures of this size class with at least this score, 0..1; 1 if unknown.

        If its size class has fewer than `FEWEST` pictures, that with the most pictures is used.

        Args:
            score: of the network, 0..1.
            shorter: the picture's shorter side, in pixels.
        """
        name = size_class(shorter)
        if self.pictures.get(name, 0) < FEWEST and self.pictures:
            name = max(self.pictures, key=self.pictures.__getitem__)
        kept = self.scores.get(name, [])
        known = [(_logit(level), math.log(rate)) for level, rate in zip(kept, RATES, strict=False) if level is not None]
        if not known or _logit(score) < known[0][0]:
            return 1.0
        levels, rates = zip(*known, strict=True)
        # Rounded, so that a score kept for a rate gives exactly that rate.
        return round(math.exp(float(np.interp(_logit(score), levels, rates))), 9)


def _reached(falling: NDArray[np.float64]) -> list[float | None]:
    """For each rate, the lowest score s with (1 + pictures that score s or more) / (1 + pictures) <= rate."""
    reached: list[float | None] = []
    for rate in RATES:
        allowed = math.floor(rate * (len(falling) + 1) + 1e-9) - 1  # pictures that may reach it
        reached.append(round(float(falling[allowed - 1]), 6) if 1 <= allowed <= len(falling) else None)
    return reached


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-7), 1 - 1e-7)
    return math.log(bounded / (1 - bounded))
