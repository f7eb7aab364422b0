"""How strong a likeness of two parts is, and how often untouched photographs show as strong a one.

A weighted sum of what is measured, fitted by logistic regression on copies that were made in photographs and on what
is alike in untouched ones (`benchmarks/evidence.py fit`). Repeated things of the real world differ from copies in that
many parts look alike at once (`rivals`), and in that light and noise differ (`difference`).
"""

import math

import numpy as np

from psccnet.evidence.copy_move.verification import Verified

CONSTANT = 7.37
WEIGHTS = {
    "matches": 2.15,
    "likeness": 0.39,
    "fine likeness": -0.55,
    "mirrored": -0.44,
    "rivals": -2.50,
    "difference": -3.67,
    "area": -0.75,
    "moved only": 0.63,
    "stretch": -1.63,
}
ALARMS = ((-8.0, 0.5), (-1.25, 0.05), (-0.25, 0.02), (0.66, 0.01), (3.0, 0.002), (5.0, 0.0005))
"""Strength, and the share of untouched photographs whose strongest likeness reaches it; beyond the last, no less."""


def measurements(copy: Verified) -> dict[str, float]:
    """What the strength is summed up from, by name."""
    linear = copy.transform.matrix[:, :2]
    large, small = np.linalg.svd(linear, compute_uv=False)
    return {
        "matches": math.log(copy.matches + 1),
        "likeness": -math.log(1.005 - copy.likeness),
        "fine likeness": -math.log(1.02 - copy.fine_likeness),
        "mirrored": float(copy.transform.mirrored),
        "rivals": math.log(1 + copy.rivals / (copy.matches + 1)),
        "difference": math.log(copy.difference + 1),
        "area": math.log(copy.area + 1),
        "moved only": float(np.abs(linear - np.eye(2)).max() < 0.01),
        "stretch": min(0.3, math.log(large / small)),
    }


def strength(copy: Verified) -> float:
    """The log-odds of a copy among what looks alike."""
    measured = measurements(copy)
    return CONSTANT + sum(weight * measured[name] for name, weight in WEIGHTS.items())


def false_alarms(strongest: float) -> float:
    """The share of untouched photographs whose strongest likeness is at least so strong, 0..1."""
    strengths, shares = zip(*ALARMS, strict=True)
    if strongest < strengths[0]:
        return 1.0
    return float(math.exp(np.interp(strongest, strengths, np.log(shares))))
