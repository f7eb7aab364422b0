"""The tables of the paper from measured rows; see `psccnet.evaluation.protocol` for how each is measured."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from psccnet.evaluation.file_formats import by_encoding, matched
from psccnet.evaluation.protocol import PROTOCOLS, Condition
from psccnet.evaluation.reporting.table import Cell, Table
from psccnet.evaluation.rows import Row
from psccnet.evaluation.summary import image_scores, interval, score_of

NATIVE_NOTE = (
    "Pictures at their native size; masks resampled to it. Mean over pictures, percent, with 95 % bootstrap intervals "
    "over pictures in brackets."
)
POOLED_NOTE = (
    "Pictures at their native size; masks resampled to it. Over the pixels of all forged pictures together, percent, "
    "with 95 % bootstrap intervals over pictures in brackets."
)
DAGGER = "†"


@dataclass
class Measured:
    """The rows of runs under one protocol.

    Attributes:
        sets: their names, in the order of columns.
        comparators: name -> threshold of its verdict, in the order of rows.
        conditions: of the protocol.
        rows: (set, comparator, condition) -> one row a picture.
    """

    sets: list[str]
    comparators: dict[str, float]
    conditions: tuple[Condition, ...]
    rows: dict[tuple[str, str, str], list[Row]]

    def cell(self, of: str, comparator: str, score: str, condition: str = "") -> Cell:
        """A score of a set with its interval; NaN where it was not measured."""
        key = (of, comparator, condition)
        if key not in self.rows:
            return Cell(float("nan"))
        return Cell(*score_of(self.rows[key], score, self.comparators[comparator]))

    def keep_common(self) -> list[str]:
        """Leave out the pictures that not all comparators could be measured on under all conditions.

        Returns:
            What was left out, in words, so that figures beside each other are of the same pictures.
        """
        words = []
        for of in self.sets:
            parts = [rows for (at, _, _), rows in self.rows.items() if at == of]
            every = {row.id for rows in parts for row in rows}
            common = set.intersection(*({row.id for row in rows} for rows in parts)) if parts else set()
            for rows in parts:
                rows[:] = [row for row in rows if row.id in common]
            words += [f"{of}: {name} was not measured by all; left out for all" for name in sorted(every - common)]
        return words

    def forged(self) -> str:
        """How many forged pictures of each set were measured, in words."""
        counts = {
            of: {row.id for (at, _, _), rows in self.rows.items() if at == of for row in rows if row.forged}
            for of in self.sets
        }
        return f"Forged pictures: {', '.join(f'{of} {len(ids)}' for of, ids in counts.items())}."

    def has(self, comparator: str, condition: str) -> bool:
        """Whether a comparator was measured under a condition on any set."""
        return any((of, comparator, condition) in self.rows for of in self.sets)


def pretrained(measured: Measured) -> list[Table]:
    """Table II: localization AUC of pre-trained models."""
    return [
        _localization(measured, "table-II", "Localization AUC, mean over pictures", {"": "pixel_auc"}),
        _localization(measured, "table-II-pooled", "Localization AUC, pixels pooled", {"": "pixel_auc_pooled"}),
    ]


def finetuned(measured: Measured) -> list[Table]:
    """Table III: localization AUC and F1 of fine-tuned models on the test splits."""
    mean = {" AUC": "pixel_auc", " F1": "f1_eer"}
    pooled = {" AUC": "pixel_auc_pooled", " F1": "f1_eer_pooled"}
    return [
        _localization(measured, "table-III", "Localization on the test splits, mean over pictures", mean),
        _localization(measured, "table-III-pooled", "Localization on the test splits, pixels pooled", pooled),
    ]


def _localization(measured: Measured, name: str, title: str, scores: dict[str, str]) -> Table:
    columns = ["Method", *(of + suffix for of in measured.sets for suffix in scores)]
    rows: list[list[str | Cell]] = [
        [comparator, *(measured.cell(of, comparator, score) for of in measured.sets for score in scores.values())]
        for comparator in measured.comparators
    ]
    notes = [measured.forged(), POOLED_NOTE if "pooled" in name else NATIVE_NOTE]
    if any("F1" in suffix for suffix in scores):
        notes.append("F1 at the equal-error-rate threshold, of each picture (mean) or of all pixels (pooled).")
    return Table(name, title, columns, rows, notes)


_DETECTION = {"AUC": "image_auc", "F1": "image_f1_eer", "EER": "image_eer", "TPR at 1 %": "tpr_1"}


def detection(measured: Measured) -> list[Table]:
    """Table IV: detection, with what the file format alone tells, on all pictures and on a format-matched subset."""
    tables = []
    for of in measured.sets:
        every = {one: measured.rows[of, one, ""] for one in measured.comparators if (of, one, "") in measured.rows}
        tables.append(_detection(f"table-IV-{of}", f"Detection on {of}", every, measured.comparators))
        subset = {one: matched(rows, lambda row: row.format) for one, rows in every.items()}
        title = f"Detection on {of}, as many forged as pristine pictures of each file format"
        tables.append(_detection(f"table-IV-{of}-matched", title, subset, measured.comparators))
    return tables


def _detection(name: str, title: str, of: dict[str, list[Row]], thresholds: dict[str, float]) -> Table:
    rows: list[list[str | Cell]] = []
    for comparator, measured in of.items():
        rows.append([comparator, *_detection_cells(measured)])
        if not math.isnan(thresholds[comparator]):  # a network with a head of its own
            rows.append([comparator + DAGGER, *_detection_cells(measured, "_mean")])
    first = next(iter(of.values()), [])
    for label, key in (("file format", lambda row: row.format), ("format, JPEG settings", lambda row: row.encoding)):
        rows.append([label, *_detection_cells(by_encoding(first, key))])
    forged = sum(row.forged for row in first)
    notes = [
        f"{len(first)} pictures, {forged} forged, native size; percent, with 95 % bootstrap intervals in brackets; F1 "
        "at the equal-error-rate threshold.",
        f"{DAGGER}: the mean of the mask as the score (PSCC-Net{DAGGER}). The last two rows look at no pixel: their "
        "score is the share of forged pictures among those of the same format, or of the same JPEG settings, in the "
        "other four fifths of this list.",
    ]
    return Table(name, title, ["Method", *_DETECTION], rows, notes)


def _detection_cells(rows: list[Row], suffix: str = "") -> list[Cell]:
    drawn = image_scores(rows, math.nan, suffix=suffix)
    return [Cell(*interval(drawn[name + suffix])) for name in _DETECTION.values()]


def exit_scales(measured: Measured) -> list[Table]:
    """Table V, upper part: what stopping at a coarser mask costs, and the time that it saves."""
    scores = {" AUC": "pixel_auc", " F1": "f1_eer"}
    columns = ["Variant", *(of + suffix for of in measured.sets for suffix in scores), "Runtime"]
    rows: list[list[str | Cell]] = []
    for comparator in measured.comparators:
        for condition in measured.conditions:
            if not measured.has(comparator, condition.name):
                continue
            title = condition.title if condition.name else "Mask 1"
            cells = [
                measured.cell(of, comparator, score, condition.name)
                for of in measured.sets
                for score in scores.values()
            ]
            runtime = Cell(_runtime(measured, comparator, condition.name), percent=False)
            rows.append([f"{comparator}, {title}", *cells, runtime])
    notes = [
        measured.forged(),
        NATIVE_NOTE,
        "F1 at each picture's equal-error-rate threshold. Runtime: median over pictures of the time with this mask as "
        "the last, as a share of the time with Mask 1 on the same picture, decoding left out.",
    ]
    return [Table("table-V", "Early exit", columns, rows, notes)]


def _runtime(measured: Measured, comparator: str, condition: str) -> float:
    shares = []
    for of in measured.sets:
        whole = {row.id: row.seconds for row in measured.rows.get((of, comparator, ""), [])}
        part = measured.rows.get((of, comparator, condition), [])
        shares += [row.seconds / whole[row.id] for row in part if row.id in whole]
    return statistics.median(shares) if shares else float("nan")


def robustness_localization(measured: Measured) -> list[Table]:
    """Table VI: localization AUC under distortions."""
    columns = ["Method", *(condition.title for condition in measured.conditions)]
    return [
        Table(
            f"table-VI-{of}",
            f"Robustness of localization on {of}, pixel AUC",
            columns,
            [
                [one, *(measured.cell(of, one, "pixel_auc", condition.name) for condition in measured.conditions)]
                for one in measured.comparators
            ],
            [measured.forged(), NATIVE_NOTE, ROBUSTNESS_NOTE],
        )
        for of in measured.sets
    ]


def robustness_detection(measured: Measured) -> list[Table]:
    """Table VII: detection AUC and F1 under distortions."""
    columns = ["Distortion", *(f"{one} {score}" for one in measured.comparators for score in ("AUC", "F1"))]
    return [
        Table(
            f"table-VII-{of}",
            f"Robustness of detection on {of}, image AUC and F1 at the equal-error-rate threshold",
            columns,
            [
                [
                    condition.title,
                    *(
                        measured.cell(of, one, score, condition.name)
                        for one in measured.comparators
                        for score in ("image_auc", "image_f1_eer")
                    ),
                ]
                for condition in measured.conditions
            ],
            [ROBUSTNESS_NOTE],
        )
        for of in measured.sets
    ]


ROBUSTNESS_NOTE = (
    "Distorted pictures are shown to the method as they are; its mask is resampled to the original size and scored "
    "against the original truth. Noise, and the strengths of Mixed (scale 0.25-0.78, k 3-15, sigma 3-15, q 50-100), "
    "follow from the picture's name."
)

TABLES: dict[str, tuple[str, Callable[[Measured], list[Table]]]] = {
    "II": ("pretrained", pretrained),
    "III": ("finetuned", finetuned),
    "IV": ("native", detection),
    "V": ("exit-scales", exit_scales),
    "VI": ("robustness", robustness_localization),
    "VII": ("robustness", robustness_detection),
}
"""Number of the table -> the protocol it is measured by, and what makes it of the rows."""
assert {protocol for protocol, _ in TABLES.values()} <= set(PROTOCOLS)
