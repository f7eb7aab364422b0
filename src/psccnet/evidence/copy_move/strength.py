"""How strong a likeness of two parts is, and how often untouched photographs show as strong a one."""

import math

from psccnet.evidence.copy_move.verification import Verified


def strength(copy: Verified) -> float:
    """More keypoints, a larger part and a closer likeness are stronger; what lies between is measured, not derived."""
    return math.log(copy.matches + 1) - math.log(1.02 - copy.fine_likeness) - math.log(1.005 - copy.likeness)


def false_alarms(strongest: float) -> float:
    """The share of untouched photographs whose strongest likeness is at least so strong, 0..1."""
    return 1.0 if strongest < 5 else math.exp(-1.1 * (strongest - 5.6)) if strongest > 5.6 else 1.0
