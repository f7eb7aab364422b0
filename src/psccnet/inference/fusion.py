"""The mask that people see: the network's, and what other traces tell of each place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.pictures.resampling import bands, resample

OUTLINED = 0.75
"""Mask value of both places of a copy: one of them is the forged one."""
DIMMED = 0.5
"""What is left of the network's mask where the network itself found nothing in the picture."""
COLOUR_WEIGHT = 1.1
"""Log-odds of a forged place that colours e times as fine as the picture's median are worth, beside a calibrated mask.
By logistic regression on 240 synthetic forgeries (`benchmarks/evidence.py colours`), not on the validation sets."""


def fuse(mask: NDArray[np.float32], findings: Sequence[Finding], network_speaks: bool) -> NDArray[np.float32]:
    """Put the network's mask and the maps of traces together.

    Colour detail adds its log-odds to those of the network's mask; a significant copy-move is laid over both.

    Args:
        mask: (H, W) float32, 0..1, of the network, calibrated; not changed.
        findings: of the traces.
        network_speaks: whether the network's score alone speaks for a manipulation.

    Returns:
        (H, W) float32, 0..1; `mask` itself where no trace outlines anything.
    """
    fused = mask
    for finding in findings:
        if finding.name == "colours" and finding.map is not None and mask.any():  # nothing: the network was not asked
            fused = _weighed(fused, finding.map)
    copies = [one.map for one in findings if one.name == "copy-move" and one.significant and one.map is not None]
    if copies:
        fused = fused.copy() if network_speaks else fused * np.float32(DIMMED)
        for copy in copies:
            np.maximum(fused, OUTLINED * resample(copy, *mask.shape), out=fused)
    return fused


def _weighed(mask: NDArray[np.float32], colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mask with the log-odds of the colours added, a band of rows at a time."""
    from psccnet.evidence.colour_detail import FARTHEST  # with OpenCV, which takes a while to load

    fused = resample(colours, *mask.shape)
    for rows in bands(*mask.shape):
        bounded = np.clip(mask[rows], 1e-6, 1 - 1e-6)
        odds = bounded / (1 - bounded) * np.exp(COLOUR_WEIGHT * 2 * FARTHEST * (fused[rows] - np.float32(0.5)))
        fused[rows] = odds / (1 + odds)
    return fused
