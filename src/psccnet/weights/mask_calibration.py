"""From the values of a mask to values of which 0.5 parts forged from untouched pixels (Platt scaling; Platt, 1999)."""

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from psccnet.metrics import BINS, LOGIT

STEEPEST = 4.0
"""Of a slope; the least is one over it."""


class MaskCalibration(BaseModel):
    """A slope and an offset of a mask's logits.

    Attributes:
        slope: above 0; 1 leaves the spread as it is.
        offset: added to the logits after the slope.
        level: the value of the network that becomes 0.5.
        f1_before: mean F1 at 0.5 over the pictures it was learnt from, before.
        f1: the same afterwards, which is that of the best single threshold.
        pictures: how many there were.
        of: which, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    slope: float = Field(gt=0)
    offset: float
    level: float = Field(gt=0, lt=1)
    f1_before: float = 0.0
    f1: float = 0.0
    pictures: int = 0
    of: str = ""

    def __call__(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """A mask of the network, 0..1, of any shape, calibrated. The order of its values stays."""
        bounded = np.clip(mask, 1e-7, 1 - 1e-7).astype(np.float64)
        logits = np.log(bounded / (1 - bounded))
        return (1 / (1 + np.exp(-(self.slope * logits + self.offset)))).astype(np.float32)

    @classmethod
    def from_histograms(cls, histograms: Iterable[NDArray[np.int64]], of: str = "") -> Self:
        """Learn from pictures that are forged in part.

        The level is the threshold at which the mean F1 over the pictures is highest; the slope is the one that makes
        the forged and the untouched pixels most likely, each picture counting alike.

        Args:
            histograms: of each picture, (2, BINS), as of `psccnet.metrics.histogram`.
            of: which pictures, in words.

        Raises:
            ValueError: if there are none.
        """
        every = np.stack(list(histograms)).astype(np.float64)
        above = np.cumsum(every[:, :, ::-1], axis=2)[:, :, ::-1]  # at and above each bin's lower end
        hits, alarms, forged = above[:, 1], above[:, 0], above[:, 1, :1]
        f1 = (2 * hits / np.maximum(hits + alarms + forged, 1)).mean(axis=0)
        best = int(f1.argmax())
        ends = (np.arange(BINS) / BINS - 0.5) * 2 * LOGIT
        slope = _likeliest_slope(every, ends + LOGIT / BINS - ends[best])
        level = float(1 / (1 + np.exp(-ends[best])))
        return cls(
            slope=round(slope, 4),
            offset=round(-slope * float(ends[best]), 4),
            level=round(min(max(level, 1e-6), 1 - 1e-6), 6),
            f1_before=round(float(f1[BINS // 2]), 4),
            f1=round(float(f1[best]), 4),
            pictures=len(every),
            of=of,
        )


def _likeliest_slope(histograms: NDArray[np.float64], logits: NDArray[np.float64]) -> float:
    """The slope of logits (BINS,) that gives each picture's pixels the highest likelihood, on a grid of 97."""
    shares = (histograms / histograms.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
    slopes = np.geomspace(1 / STEEPEST, STEEPEST, 97)
    sloped = slopes[:, None] * logits
    losses = (shares[0] * np.logaddexp(0, sloped) + shares[1] * np.logaddexp(0, -sloped)).sum(axis=1)
    return float(slopes[int(losses.argmin())])
