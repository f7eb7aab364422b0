"""What a detection says, the same for Python, the command's JSON, the HTTP API and Parquet rows."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from psccnet.evidence.finding import Finding
from psccnet.inference.verdict import Judgement

Verdict = Literal["forged", "pristine"]


@dataclass(frozen=True)
class Result:
    """The verdict on one picture and the place of the manipulation.

    Attributes:
        name: path of the picture, or what kind of object it was.
        score: the detection head's probability that the picture is forged, 0..1.
        verdict: "forged" or "pristine": with findings as `judgement` says, without where score >= threshold.
        threshold: the decision threshold, 0..1.
        mask: (H, W) float32 at the picture's size (upright), 0 pristine .. 1 forged; from the finest mask
            computed, calibrated where the card of the weights says how, and all zeros where the gate skipped
            localization.
        masks: scale -> (h, w) float32 at the network's own size, for the scales asked for.
        forged_fraction: share of pixels with mask > 0.5, 0..1.
        width: of the picture, upright, pixels.
        height: of the picture, upright, pixels.
        sha256: of the input bytes.
        model: name and sha256 of the weights.
        seconds: taken by the network, without decoding.
        exit_scale: the finest scale computed, 1..4.
        localized: False where the gate skipped localization.
        notes: conversions made when the picture was read.
        level: mask value above which the drawings outline a region, 0..1; None where no region stands out, or nothing
            was found (`psccnet.inference.region`).
        marked_fraction: share of pixels above `level`, 0..1.
        findings: what the other traces say (`psccnet.evidence`); empty where they were not asked for.
        judgement: what the network and the findings say together (`psccnet.inference.verdict`); None where the
            findings were not asked for: the verdict is then the network's alone.
        confidence: (H, W) float32, 0..1: the probability that the mask at 0.5 is right about a pixel
            (`psccnet.inference.confidence`); None where it was not asked for, or nothing was localized.
    """

    name: str
    score: float
    verdict: Verdict
    threshold: float
    mask: NDArray[np.float32] = field(repr=False)
    masks: dict[int, NDArray[np.float32]] = field(repr=False)
    forged_fraction: float
    width: int
    height: int
    sha256: str
    model: str
    seconds: float
    exit_scale: int = 1
    localized: bool = True
    notes: tuple[str, ...] = ()
    level: float | None = None
    marked_fraction: float = 0.0
    findings: tuple[Finding, ...] = ()
    judgement: Judgement | None = None
    confidence: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def mean_confidence(self) -> float | None:
        """Share of the pixels about which the mask at 0.5 is expected to be right, 0..1; None without `confidence`."""
        return None if self.confidence is None else float(self.confidence.mean(dtype=np.float64))

    @property
    def words(self) -> str:
        """The verdict as people read it: what was not found may still be there, so nobody reads "pristine"."""
        if self.judgement is not None:
            return self.judgement.words
        return "forged" if self.verdict == "forged" else "nothing found"

    @property
    def place(self) -> str:
        """Where, in a few words, for people; empty where nothing was found."""
        if self.words not in ("forged", "suspicious"):
            return ""
        if not self.localized:
            return "not localized"
        if self.level is None:
            return "no region stands out"
        percent = 100 * self.marked_fraction
        return f"{percent:.1f} % of the area" if percent >= 0.1 else "less than 0.1 % of the area"

    def to_dict(self) -> dict[str, Any]:
        """All but the maps, as plain values for JSON, rounded to what can be meant."""
        confidence = self.mean_confidence
        return {
            "name": self.name,
            "verdict": self.verdict,
            "words": self.words,
            "false_alarms": None if self.judgement is None else self.judgement.false_alarms,
            "reasons": [] if self.judgement is None else list(self.judgement.reasons),
            "score": round(self.score, 6),
            "threshold": round(self.threshold, 6),
            "forged_fraction": round(self.forged_fraction, 6),
            "level": None if self.level is None else round(self.level, 6),
            "marked_fraction": round(self.marked_fraction, 6),
            "confidence": None if confidence is None else round(confidence, 6),
            "width": self.width,
            "height": self.height,
            "sha256": self.sha256,
            "model": self.model,
            "seconds": round(self.seconds, 4),
            "exit_scale": self.exit_scale,
            "localized": self.localized,
            "notes": list(self.notes),
            "findings": [finding.to_dict() for finding in self.findings],
        }
