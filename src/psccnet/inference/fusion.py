"""The mask that people see: the network's, and the parts that other traces outline for certain."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.pictures.resampling import resample

OUTLINED = 0.75
"""Mask value of both places of a copy: one of them is the forged one."""
DIMMED = 0.5
"""What is left of the network's mask where the network itself found nothing in the picture."""


def fuse(mask: NDArray[np.float32], findings: Sequence[Finding], network_speaks: bool) -> NDArray[np.float32]:
    """Lay the map of a significant copy-move over the network's mask.

    Args:
        mask: (H, W) float32, 0..1, of the network; not changed.
        findings: of the traces.
        network_speaks: whether the network's score alone speaks for a manipulation.

    Returns:
        (H, W) float32, 0..1; `mask` itself where no trace outlines anything.
    """
    copies = [one.map for one in findings if one.name == "copy-move" and one.significant and one.map is not None]
    if not copies:
        return mask
    fused = mask.copy() if network_speaks else mask * np.float32(DIMMED)
    for copy in copies:
        np.maximum(fused, OUTLINED * resample(copy, *mask.shape), out=fused)
    return fused
