"""The verdict: what the network and the other traces say together, at a stated rate of false alarms.

Each source tells how often an untouched picture shows as much (a p-value). Of the false alarms that the verdict may
raise, each source has a share that is fixed beforehand: it speaks where its p-value is below the total rate times its
share. By Bonferroni's inequality, all together then raise no more than the total, however they depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from psccnet.evidence.finding import Finding
from psccnet.weights.calibration import Calibration

Words = Literal["forged", "suspicious", "nothing found", "no verdict"]

FORGED = 0.02
"""Share of untouched pictures that may be called forged."""
SUSPICIOUS = 0.05
"""Share of untouched pictures that may be called forged or suspicious."""
SMALLEST = 64
"""Pixels of the shorter side below which there is no verdict."""
SHARES = {"square-statistics": 0.40, "network": 0.25, "copy-move": 0.24, "double-compression": 0.07, "jpeg-grid": 0.04}
"""Of the false alarms, by source; they sum to 1. Findings of other names are shown and do not count."""

TOO_SMALL = (
    f"No verdict: below {SMALLEST} pixels a side, untouched pictures and forged ones look the same to every trace."
)


@dataclass(frozen=True)
class Judgement:
    """A verdict and why.

    Attributes:
        words: as people read it.
        false_alarms: share of untouched pictures that would be judged as badly, 0..1; None where there is no verdict.
        reasons: names of the sources that speak for a manipulation, the strongest first.
        note: a sentence where there is no verdict, else "".
    """

    words: Words
    false_alarms: float | None
    reasons: tuple[str, ...] = ()
    note: str = ""


def judge(
    score: float,
    threshold: float,
    size: tuple[int, int],
    findings: Sequence[Finding],
    calibration: Calibration | None = None,
) -> Judgement:
    """Put the network's score and the findings together.

    Args:
        score: of the network, 0..1.
        threshold: from which the network alone calls a picture forged; used where there is no calibration.
        size: height and width of the picture, pixels.
        findings: of the other traces.
        calibration: what scores untouched pictures of several sizes get.
    """
    if min(size) < SMALLEST:
        return Judgement("no verdict", None, note=TOO_SMALL)
    if calibration is not None:
        network = calibration.false_alarms(score, min(size))
    else:  # the threshold's own promise
        network = FORGED * SHARES["network"] if score >= threshold else 1.0
    alarms = {"network": network}
    for finding in findings:
        if finding.name in SHARES and finding.false_alarms is not None:
            alarms[finding.name] = min(alarms.get(finding.name, 1.0), finding.false_alarms)
    totals = {name: min(1.0, alarm / SHARES[name]) for name, alarm in alarms.items()}
    least = min(totals.values())
    reasons = tuple(
        sorted((name for name, total in totals.items() if total <= SUSPICIOUS), key=lambda name: totals[name])
    )
    words: Words = "forged" if least <= FORGED else "suspicious" if least <= SUSPICIOUS else "nothing found"
    return Judgement(words, least, reasons)
