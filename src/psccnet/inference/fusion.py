"""The mask that people see: the network's, and what other traces tell of each place."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.pictures.resampling import bands, resample

Map = NDArray[np.float32]

OUTLINED = 0.75
"""Mask value of both places of a copy: one of them is the forged one."""
DIMMED = 0.5
"""What is left of the network's mask where the network itself found nothing in the picture."""
SQUARE_WEIGHT = 1.5
"""What the log-odds of square statistics are worth beside those of a calibrated mask. From a logistic regression on 101
synthetic forgeries (`benchmarks/evidence_maps.py weigh`), in which double compression was worth nothing more; from none
of the validation sets."""
FILTER_WEIGHT = 1.6
"""Likewise of the colour filter. No photograph at hand keeps that trace: it has the weight that double compression had
when it was weighed by itself."""
MOST_SURE = {"square-statistics": 8.0, "colour-filter": 2.0}
"""Log-odds of a map beyond which more are worth no more."""


def fuse(mask: Map, findings: Sequence[Finding], network_speaks: bool) -> Map:
    """Put the network's mask and the maps of traces together.

    Square statistics and the colour filter add their log-odds to those of the network's mask; a significant copy-move
    is laid over all.

    Args:
        mask: (H, W) float32, 0..1, of the network, calibrated; not changed.
        findings: of the traces.
        network_speaks: whether the network's score alone speaks for a manipulation.

    Returns:
        (H, W) float32, 0..1; `mask` itself where no trace outlines anything.
    """
    fused = mask
    for finding in findings:
        weigh = _WEIGHED.get(finding.name)
        if weigh is not None and finding.map is not None and mask.any():  # nothing: the network was not asked
            fused = _weighed(fused, finding.map, weigh)
    copies = _copied(findings)
    if copies:
        fused = fused.copy() if network_speaks else fused * np.float32(DIMMED)
        for copy in copies:
            np.maximum(fused, OUTLINED * resample(copy, *mask.shape), out=fused)
    return fused


def _copied(findings: Sequence[Finding]) -> list[Map]:
    """The maps of the copies that speak for a manipulation."""
    return [one.map for one in findings if one.name == "copy-move" and one.significant and one.map is not None]


def log_odds(values: Map, most: float) -> Map:
    """The log-odds of probabilities, at most +-most."""
    return np.clip(np.log(np.clip(values, 1e-6, 1 - 1e-6) / np.clip(1 - values, 1e-6, 1)), -most, most)


def _of_squares(values: Map) -> Map:
    return np.asarray(SQUARE_WEIGHT * log_odds(values, MOST_SURE["square-statistics"]), np.float32)


def _of_filter(values: Map) -> Map:
    sure = log_odds(values, MOST_SURE["colour-filter"])
    # Where most of the picture lacks the trace, that says nothing of any one place.
    return np.asarray(FILTER_WEIGHT * (sure - max(0.0, float(np.median(sure)))), np.float32)


_WEIGHED: dict[str, Callable[[Map], Map]] = {"square-statistics": _of_squares, "colour-filter": _of_filter}
"""Trace -> from the values of its map to log-odds of a forged place, beside a calibrated mask."""


def _weighed(mask: Map, values: Map, weigh: Callable[[Map], Map]) -> Map:
    """The mask with the log-odds of a trace added, a band of rows at a time."""
    fused = resample(weigh(values), *mask.shape)
    for rows in bands(*mask.shape):
        bounded = np.clip(mask[rows], 1e-6, 1 - 1e-6)
        odds = bounded / (1 - bounded) * np.exp(fused[rows])
        fused[rows] = odds / (1 + odds)
    return fused
