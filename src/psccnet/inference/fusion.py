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
COLOUR_WEIGHT = 0.7
"""Log-odds of a forged place, beside a calibrated mask, where colours are e times as fine as the picture's median."""
TRACE_WEIGHT = 1.6
"""What the log-odds of "compressed once only" are worth, likewise. Both weights come from one logistic regression on
240 synthetic forgeries (`benchmarks/evidence.py maps`), and none from the validation sets. The colour filter, which no
photograph at hand keeps, takes the same weight."""
MOST_SURE = 2.0
"""Log-odds of such a map beyond which more are worth no more."""


def fuse(mask: Map, findings: Sequence[Finding], network_speaks: bool) -> Map:
    """Put the network's mask and the maps of traces together.

    Colour detail, double compression and the colour filter add their log-odds to those of the network's mask; a
    significant copy-move is laid over all.

    Args:
        mask: (H, W) float32, 0..1, of the network, calibrated; not changed.
        findings: of the traces.
        network_speaks: whether the network's score alone speaks for a manipulation.

    Returns:
        (H, W) float32, 0..1; `mask` itself where no trace outlines anything.
    """
    fused = mask
    for finding in findings:
        log_odds = _LOG_ODDS.get(finding.name)
        if log_odds is not None and finding.map is not None and mask.any():  # nothing: the network was not asked
            fused = _weighed(fused, finding.map, log_odds)
    copies = copied(findings)
    if copies:
        fused = fused.copy() if network_speaks else fused * np.float32(DIMMED)
        for copy in copies:
            np.maximum(fused, OUTLINED * resample(copy, *mask.shape), out=fused)
    return fused


def copied(findings: Sequence[Finding]) -> list[Map]:
    """The maps of the copies that speak for a manipulation."""
    return [one.map for one in findings if one.name == "copy-move" and one.significant and one.map is not None]


def _of_colours(values: Map) -> Map:
    from psccnet.evidence.colour_detail import FARTHEST  # with OpenCV, which takes a while to load

    return COLOUR_WEIGHT * 2 * FARTHEST * (values - np.float32(0.5))


def _of_likelihood(values: Map) -> Map:
    bounded = np.clip(values, 1e-6, 1 - 1e-6)
    sure = np.clip(np.log(bounded / (1 - bounded)), -MOST_SURE, MOST_SURE)
    # Where most of the picture lacks the trace, that says nothing of any one place.
    return np.asarray(TRACE_WEIGHT * (sure - max(0.0, float(np.median(sure)))), np.float32)


_LOG_ODDS: dict[str, Callable[[Map], Map]] = {
    "colours": _of_colours,
    "double-compression": _of_likelihood,
    "colour-filter": _of_likelihood,
}
"""Trace -> from the values of its map to log-odds of a forged place, beside a calibrated mask."""


def _weighed(mask: Map, values: Map, log_odds: Callable[[Map], Map]) -> Map:
    """The mask with the log-odds of a trace added, a band of rows at a time."""
    fused = resample(log_odds(values), *mask.shape)
    for rows in bands(*mask.shape):
        bounded = np.clip(mask[rows], 1e-6, 1 - 1e-6)
        odds = bounded / (1 - bounded) * np.exp(fused[rows])
        fused[rows] = odds / (1 + odds)
    return fused
