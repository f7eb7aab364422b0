"""Localization and detection scores of a detector on listed pictures (Section IV-A.2).

Pictures are taken at their native size, masks are resampled to it; pixel AUC is taken over forged pictures.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psccnet.datasets.entry import Entry
from psccnet.datasets.sample import Mask
from psccnet.evaluation.metrics import (
    PooledAUC,
    auc,
    auc_of,
    balanced_accuracy,
    best_f1,
    bootstrap_interval,
    count,
    equal_error,
    f1,
    f1_at,
    found_at,
    iou,
    mcc,
)
from psccnet.files import write_whole
from psccnet.inference import Detector, PictureError


@dataclass(frozen=True)
class Row:
    """Scores of one picture; NaN where a score is not defined for it.

    Attributes:
        id: the picture.
        set: the data set.
        manipulation: its class.
        score: detection score, 0..1.
        mask_mean: mean of the mask, 0..1 (the paper's PSCC-Net-dagger detection score).
        mask_max: maximum of the mask, 0..1.
        pixel_auc: AUC over its pixels; this and the next are NaN for pristine pictures and such as are forged all over.
        f1_eer: F1 of its mask at its own equal-error-rate threshold (Section IV-A.2).
        f1_best: F1 at the best threshold for it.
        f1_half: F1 of mask > 0.5; this and the next are NaN for pristine pictures.
        iou_half: intersection over union of mask > 0.5.
        mcc_half: Matthews' correlation of mask > 0.5.
        forged_fraction: true share of forged pixels, 0..1.
    """

    id: str
    set: str
    manipulation: str
    score: float
    mask_mean: float
    mask_max: float
    pixel_auc: float
    f1_eer: float
    f1_best: float
    f1_half: float
    iou_half: float
    mcc_half: float
    forged_fraction: float


class Evaluation:
    """Goes through pictures and keeps one row each, plus the pooled pixel counts."""

    def __init__(self, detector: Detector, exit_scale: int = 1) -> None:
        self.detector = detector
        self.exit_scale = exit_scale
        self.pooled = PooledAUC()
        self.rows: list[Row] = []
        self.failures: list[str] = []

    def run(self, entries: Iterable[Entry]) -> Iterator[Row]:
        """Score the pictures one by one; what cannot be read is left out and kept in `failures`, by name."""
        for entry in entries:
            try:
                row = self._row(entry)
            except (PictureError, FileNotFoundError) as error:
                self.failures.append(str(error))
                continue
            self.rows.append(row)
            yield row

    def _row(self, entry: Entry) -> Row:
        sample = entry.read(self.detector.max_pixels)
        truth = sample.mask if entry.forged else None
        result = self.detector.detect(sample.image, exit_scale=self.exit_scale)
        if truth is not None:
            self.pooled.update(result.mask, truth)
        return Row(
            id=entry.id,
            set=entry.set,
            manipulation=entry.manipulation,
            score=result.score,
            mask_mean=float(result.mask.mean()),
            mask_max=float(result.mask.max()),
            **pixel_scores(result.mask, truth),
            forged_fraction=float(truth.mean()) if truth is not None else 0.0,
        )

    def summary(self) -> dict[str, float]:
        """All scores by name; "image_auc" is the detection head's, the others in `image_auc_*` are the mask's."""
        threshold = self.detector.card.threshold
        pooled = self.pooled.counts()
        at_eer = f1_at(pooled, equal_error(pooled)[1])
        return summarize(self.rows, threshold) | {"pixel_auc_pooled": auc_of(pooled), "f1_eer_pooled": at_eer}


PIXEL_SCORES = ("pixel_auc", "f1_eer", "f1_best", "f1_half", "iou_half", "mcc_half")


def pixel_scores(mask: NDArray[np.float32], truth: Mask | None) -> dict[str, float]:
    """The pixel scores of a `Row`: of a mask (H, W) in 0..1 against its truth, all NaN where there is none."""
    if truth is None:
        return dict.fromkeys(PIXEL_SCORES, float("nan"))
    counts, half = count(mask, truth), mask > 0.5
    return {
        "pixel_auc": auc_of(counts),
        "f1_eer": f1_at(counts, equal_error(counts)[1]),
        "f1_best": float("nan") if counts.degenerate else best_f1(counts),
        "f1_half": f1(half, truth),
        "iou_half": iou(half, truth),
        "mcc_half": mcc(half, truth),
    }


def summarize(rows: list[Row], threshold: float) -> dict[str, float]:
    """Scores over pictures that need nothing but their rows.

    Args:
        rows: of the pictures.
        threshold: score at and above which a picture is called forged.

    Returns:
        Name -> value: counts, "pixel_auc" (mean over forged pictures, with its 95 % bootstrap interval and by
        manipulation), the means of the other pixel scores of `Row`, "image_auc" and its variants, "image_eer",
        "image_f1_eer", "tpr_1" and "tpr_5" (share of forged pictures found with 1 % and 5 % false alarms), and at the
        threshold "balanced_accuracy", "false_alarms" and "found".
    """
    forged = np.array([row.manipulation != "pristine" for row in rows])
    called = np.array([row.score >= threshold for row in rows])
    aucs = np.array([row.pixel_auc for row in rows])
    summary = {"pictures": float(len(rows)), "forged": float(forged.sum())}
    summary["pixel_auc"] = _mean(aucs)
    summary["pixel_auc_low"], summary["pixel_auc_high"] = bootstrap_interval(aucs)
    for manipulation in sorted({row.manipulation for row in rows} - {"pristine"}):
        of_kind = np.array([row.manipulation == manipulation for row in rows])
        summary[f"pixel_auc_{manipulation}"] = _mean(aucs[of_kind])
    for name in PIXEL_SCORES[1:]:
        summary[name] = _mean(np.array([getattr(row, name) for row in rows]))
    for name, column in (
        ("image_auc", "score"),
        ("image_auc_mean", "mask_mean"),
        ("image_auc_max", "mask_max"),
    ):
        summary[name] = auc([getattr(row, column) for row in rows], forged)
    summary["image_auc_low"], summary["image_auc_high"] = image_auc_interval(rows)
    heads = count([row.score for row in rows], forged)
    summary["image_eer"], at_eer = equal_error(heads)
    summary["image_f1_eer"] = f1_at(heads, at_eer)
    summary["tpr_1"], summary["tpr_5"] = found_at(heads, 0.01), found_at(heads, 0.05)
    summary["balanced_accuracy"] = balanced_accuracy(called, forged)
    summary["threshold"] = threshold
    summary["false_alarms"] = _mean(called[~forged].astype(float))
    summary["found"] = _mean(called[forged].astype(float))
    return summary


def image_auc_interval(rows: list[Row], draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the detection head's AUC, resampling pictures within each class."""
    forged = np.array([row.score for row in rows if row.manipulation != "pristine"])
    pristine = np.array([row.score for row in rows if row.manipulation == "pristine"])
    if not (forged.size and pristine.size):
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    labels = np.r_[np.ones(forged.size), np.zeros(pristine.size)]
    values = [
        auc(np.r_[rng.choice(forged, forged.size), rng.choice(pristine, pristine.size)], labels) for _ in range(draws)
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else float("nan")


def write_rows(rows: list[Row], path: Path) -> None:
    """Write one CSV line a picture, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole({path: text.getvalue().encode()})
