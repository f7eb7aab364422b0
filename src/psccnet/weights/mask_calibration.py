"""Calibration of masks: scale values so that 0.5 best separates forged from untouched pixels (Platt scaling, 1999)."""

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from psccnet.metrics import BINS, LOGIT

STEEPEST = 4.0
"""The largest slope; the smallest is 1 / STEEPEST."""


class MaskCalibration(BaseModel):
    """A linear function of a mask's logits: slope * logit + offset.

    Attributes:
        slope: above 0.
        offset: added after the slope.
        level: the network's value that becomes 0.5.
        f1_before: mean F1 of the pictures used, at 0.5, without calibration.
        f1: the same with calibration; the F1 of the best single threshold.
        pictures: number of pictures used.
        of: which pictures were used, as text.
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
        """Calibrate a mask of any shape, 0..1; the order of its values stays the same."""
        bounded = np.clip(mask, 1e-7, 1 - 1e-7).astype(np.float64)
        logits = np.log(bounded / (1 - bounded))
        return (1 / (1 + np.exp(-(self.slope * logits + self.offset)))).astype(np.float32)

    @classmethod
    def from_histograms(cls, histograms: Iterable[NDArray[np.int64]], of: str = "") -> Self:
        """Calibrate from pictures that are partly forged.

        The level is the threshold of the highest mean F1 over the pictures. The slope maximises the likelihood of
        forged and untouched pixels, with the same weight for each picture.

        Args:
            histograms: one (2, BINS) per picture, from `psccnet.metrics.histogram`.
            of: which pictures were used, as text.

        Raises:
            ValueError: if there is no picture.
        """
        every = np.stack(list(histograms)).astype(np.float64)
        above = np.cumsum(every[:, :, ::-1], axis=2)[:, :, ::-1]  # at and above each bin's lower edge
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
    """The slope of the highest likelihood for the bins' logits, (BINS,); searched on a grid of 97 slopes."""
    shares = (histograms / histograms.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
    slopes = np.geomspace(1 / STEEPEST, STEEPEST, 97)
    sloped = slopes[:, None] * logits
    losses = (shares[0] * np.logaddexp(0, sloped) + shares[1] * np.logaddexp(0, -sloped)).sum(axis=1)
    return float(slopes[int(losses.argmin())])
