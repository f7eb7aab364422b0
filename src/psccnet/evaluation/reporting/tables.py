"""The tables of the paper from measured rows; see `psccnet.evaluation.protocol` for how each is measured."""

import math
import statistics
from collections.abc import Callable, Iterable

from psccnet.evaluation.file_formats import by_encoding, matched
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.measured import Measured
from psccnet.evaluation.reporting.protocol_tables import PUBLISHED, protocol_table
from psccnet.evaluation.reporting.published import MARK, add_published, figures, share
from psccnet.evaluation.reporting.table import Cell, Table
from psccnet.evaluation.rows import Row
from psccnet.evaluation.summary import image_scores, interval

NATIVE_NOTE = (
    "Pictures at their native size; masks resampled to it. Mean over pictures, percent, with 95 % bootstrap intervals "
    "over pictures in brackets."
)
POOLED_NOTE = (
    "Pictures at their native size; masks resampled to it. Over the pixels of all forged pictures together, percent, "
    "with 95 % bootstrap intervals over pictures in brackets."
)
DAGGER = "†"


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
    columns = ["Method", *(set_name + suffix for set_name in measured.sets for suffix in scores)]
    rows: list[list[str | Cell]] = [
        [
            comparator,
            *(measured.cell(set_name, comparator, score) for set_name in measured.sets for score in scores.values()),
        ]
        for comparator in measured.comparators
    ]
    notes = [measured.forged(), POOLED_NOTE if "pooled" in name else NATIVE_NOTE]
    if any("F1" in suffix for suffix in scores):
        notes.append("F1 at the equal-error-rate threshold, of each picture (mean) or of all pixels (pooled).")
    table = Table(name, title, columns, rows, notes)
    number = name.removesuffix("-pooled").removeprefix("table-")
    add_published(table, number, _places(measured, scores.values()))
    return table


_PUBLISHED_METRICS = {
    "pixel_auc": "pixel AUC",
    "pixel_auc_pooled": "pixel AUC",
    "f1_eer": "F1 at the EER threshold",
    "f1_eer_pooled": "F1 at the EER threshold",
}
"""Our scores -> the metric as it was published. The paper does not say whether it means or pools pictures."""


def _places(measured: Measured, scores: Iterable[str]) -> dict[tuple[str, str], int]:
    """(set, published metric) -> column of a table with a column for each set and score, after one of names."""
    pairs = [(set_name, _PUBLISHED_METRICS[score]) for set_name in measured.sets for score in scores]
    return {pair: place for place, pair in enumerate(pairs, 1)}


_DETECTION = {"AUC": "image_auc", "F1": "image_f1_eer", "EER": "image_eer", "TPR at 1 %": "tpr_1"}


def detection(measured: Measured) -> list[Table]:
    """Table IV: detection, with what the file format alone tells, on all pictures and on a format-matched subset.

    Sets without forged or without pristine pictures have no such table.
    """
    tables = []
    for set_name in measured.sets:
        found = {name: measured.rows.get((set_name, name, ""), []) for name in measured.comparators}
        found = {name: rows for name, rows in found.items() if len({row.forged for row in rows}) == 2}
        if not found:
            continue
        whole = _detection(f"table-IV-{set_name}", f"Detection on {set_name}", found, measured.comparators)
        add_published(whole, "IV", {(set_name, metric): place for place, metric in enumerate(_PUBLISHED_DETECTION, 1)})
        subset = {name: matched(rows, lambda row: row.format) for name, rows in found.items()}
        title = f"Detection on {set_name}, as many forged as pristine pictures of each file format"
        tables += [whole, _detection(f"table-IV-{set_name}-matched", title, subset, measured.comparators)]
    return tables


_PUBLISHED_DETECTION = ("image AUC", "image F1 at the EER threshold", "image EER", "TPR at 1 %")
"""In the order of `_DETECTION`."""


def _detection(name: str, title: str, found: dict[str, list[Row]], thresholds: dict[str, float]) -> Table:
    rows: list[list[str | Cell]] = []
    for comparator, measured in found.items():
        rows.append([comparator, *_detection_cells(measured)])
        if not math.isnan(thresholds[comparator]):  # a network with a head of its own
            rows.append([comparator + DAGGER, *_detection_cells(measured, "_mean")])
    first = next(iter(found.values()), [])
    for label, key in (("file format", lambda row: row.format), ("format, JPEG settings", lambda row: row.encoding)):
        rows.append([label, *_detection_cells(by_encoding(first, key))])
    forged = sum(row.forged for row in first)
    notes = [
        f"{len(first)} pictures, {forged} forged, native size; percent, with 95 % bootstrap intervals in brackets; F1 "
        "at the equal-error-rate threshold.",
        f"{DAGGER}: the mean of the mask as the score (PSCC-Net{DAGGER}). The last two measured rows look at no pixel: "
        "their score is the share of forged pictures among those of the same format, or of the same JPEG settings, in "
        "the other four fifths of this list.",
    ]
    return Table(name, title, ["Method", *_DETECTION], rows, notes)


def _detection_cells(rows: list[Row], suffix: str = "") -> list[Cell]:
    drawn = image_scores(rows, math.nan, suffix=suffix, names=_DETECTION.values())
    return [Cell(*interval(drawn[name + suffix])) for name in _DETECTION.values()]


def exit_scales(measured: Measured) -> list[Table]:
    """Table V, upper part: what stopping at a coarser mask costs, and the time that it saves."""
    scores = {" AUC": "pixel_auc", " F1": "f1_eer"}
    columns = ["Variant", *(set_name + suffix for set_name in measured.sets for suffix in scores), "Runtime"]
    rows: list[list[str | Cell]] = []
    for comparator in measured.comparators:
        for condition in measured.conditions:
            if not measured.has(comparator, condition.name):
                continue
            title = condition.title if condition.name else "Mask 1"
            cells = [
                measured.cell(set_name, comparator, score, condition.name)
                for set_name in measured.sets
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
    table = Table("table-V", "Early exit", columns, rows, notes)
    add_published(table, "V", _places(measured, scores.values()))
    return [table]


def _runtime(measured: Measured, comparator: str, condition: str) -> float:
    shares = []
    for set_name in measured.sets:
        whole = {row.id: row.seconds for row in measured.rows.get((set_name, comparator, ""), [])}
        part = measured.rows.get((set_name, comparator, condition), [])
        shares += [row.seconds / whole[row.id] for row in part if row.id in whole]
    return statistics.median(shares) if shares else float("nan")


def robustness_localization(measured: Measured) -> list[Table]:
    """Table VI: localization AUC under distortions."""
    columns = ["Method", *(condition.title for condition in measured.conditions)]
    tables = []
    for set_name in measured.sets:
        rows: list[list[str | Cell]] = [
            [
                method,
                *(measured.cell(set_name, method, "pixel_auc", condition.name) for condition in measured.conditions),
            ]
            for method in measured.comparators
        ]
        title = f"Robustness of localization on {set_name}, pixel AUC"
        table = Table(f"table-VI-{set_name}", title, columns, rows, [measured.forged(), NATIVE_NOTE, ROBUSTNESS_NOTE])
        names = [condition.name or "w/o distortion" for condition in measured.conditions]
        add_published(table, "VI", {(set_name, f"pixel AUC, {name}"): place for place, name in enumerate(names, 1)})
        tables.append(table)
    return tables


def robustness_detection(measured: Measured) -> list[Table]:
    """Table VII: detection AUC and F1 under distortions; sets without forged or without pristine pictures have none."""
    scores = {"image_auc": "image AUC", "image_f1_eer": "image F1 at the EER threshold"}
    columns = ["Distortion", *(f"{method} {score}" for method in measured.comparators for score in ("AUC", "F1"))]
    tables = []
    for set_name in measured.sets:
        kinds = {row.forged for (name, _, _), rows in measured.rows.items() if name == set_name for row in rows}
        if len(kinds) < 2:
            continue
        quoted = {
            (figure["method"], figure["metric"]): Cell(share(figure))
            for figure in figures()
            if (figure["table"], figure["set"]) == ("VII", set_name)
        }
        methods = list(dict.fromkeys(method for method, _ in quoted))
        rows: list[list[str | Cell]] = []
        for condition in measured.conditions:
            cells = [
                cell
                for comparator in measured.comparators
                for cell in measured.cells(set_name, comparator, scores, condition.name)
            ]
            name = condition.name or "w/o distortion"
            cells += [quoted[method, f"{metric}, {name}"] for method in methods for metric in scores.values()]
            rows.append([condition.title, *cells])
        title = f"Robustness of detection on {set_name}, image AUC and F1 at the equal-error-rate threshold"
        more = [f"{method} ({MARK}) {score}" for method in methods for score in ("AUC", "F1")]
        notes = [ROBUSTNESS_NOTE]
        if methods:
            notes.append(f"({MARK}): not measured here, from Table VII of the PSCC-Net paper (TCSVT 2022).")
        tables.append(Table(f"table-VII-{set_name}", title, columns + more, rows, notes))
    return tables


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
    **{name: ("native", protocol_table(name)) for name in PUBLISHED},
}
"""Number of the table, or name of another paper's protocol -> what it is measured by, and what makes it of the rows."""
assert {protocol for protocol, _ in TABLES.values()} <= set(PROTOCOLS)
