"""From rows to scores over pictures, each with its 95 % bootstrap interval."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from psccnet.evaluation.rows import PIXEL_SCORES, Row
from psccnet.metrics import (
    BINS,
    Counts,
    auc_of,
    bin_ends,
    bootstrap_interval,
    called_at,
    equal_error,
    f1_at,
    found_at,
)

DRAWS = 1000
FEWEST = 10
"""Pictures (of a class that a score needs) under which it has no interval: the bootstrap of fewer promises too much."""
_SEED = 0

DETECTION_SCORES = {"": "score", "_mean": "mask_mean", "_max": "mask_max"}
"""Ending of a score's name -> the column that it ranks pictures by: the head's score, the mask's mean or maximum."""
SCORES = {
    **{name: f"{text}, mean over forged pictures" for name, text in PIXEL_SCORES.items()},
    "pixel_auc_pooled": "pixel AUC, pixels of forged pictures pooled",
    "f1_eer_pooled": "F1 at the pooled EER threshold, pooled",
    **{
        name + suffix: f"{text}, {by}"
        for suffix, by in (("", "detection score"), ("_mean", "mean of the mask"), ("_max", "maximum of the mask"))
        for name, text in (
            ("image_auc", "image AUC"),
            ("image_eer", "image EER"),
            ("image_f1_eer", "image F1 at the EER threshold"),
            ("tpr_1", "forged pictures found at 1 % false alarms"),
            ("tpr_5", "forged pictures found at 5 % false alarms"),
        )
    },
    "image_f1_half": "image F1, called forged above 0.5",
    "image_accuracy_half": "image accuracy, called forged above 0.5",
    "balanced_accuracy_half": "balanced accuracy, called forged above 0.5",
    "balanced_accuracy": "balanced accuracy at the verdict's threshold",
    "found": "forged pictures called forged",
    "false_alarms": "pristine pictures called forged",
}
"""Name of each score -> what it is."""


def summarize(rows: list[Row], threshold: float, draws: int = DRAWS) -> dict[str, float]:
    """Scores over pictures.

    Args:
        rows: of the pictures, one each.
        threshold: score at and above which a picture is called forged; NaN leaves out what depends on it.
        draws: of the bootstrap over pictures, which draws from forged and pristine ones apart for image-level scores.

    Returns:
        Name -> value: "pictures", "forged", "threshold", all of `SCORES`, NaN where a score is not defined,
        "pixel_auc_MANIPULATION", and NAME_low and NAME_high, the ends of each one's 95 % interval, which are NaN where
        it rests on fewer than `FEWEST` pictures. "pictures" and "forged" are integers.
    """
    forged = [row for row in rows if row.forged]
    ends = {name: mean_of(rows, name, draws) for name in PIXEL_SCORES}
    for manipulation in sorted({row.manipulation for row in forged}):
        kind = [row for row in rows if row.manipulation == manipulation]
        ends[f"pixel_auc_{manipulation}"] = mean_of(kind, "pixel_auc", draws)
    drawn = pooled_scores(rows, draws)
    for suffix in DETECTION_SCORES:
        drawn |= image_scores(rows, threshold, draws, suffix)
    ends |= {name: interval(values) for name, values in drawn.items()}
    summary: dict[str, float] = {"pictures": len(rows), "forged": len(forged), "threshold": threshold}
    for name, (value, low, high) in ends.items():
        summary |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return summary


def score_of(rows: list[Row], name: str, threshold: float) -> tuple[float, float, float]:
    """One of `SCORES` and the ends of its 95 % interval, as `summarize` has them."""
    return scores_of(rows, (name,), threshold)[name]


def scores_of(rows: list[Row], names: Collection[str], threshold: float) -> dict[str, tuple[float, float, float]]:
    """Some of `SCORES`, each with the ends of its 95 % interval; the bootstrap is drawn for them alone."""
    found = {name: mean_of(rows, name) for name in names if name in PIXEL_SCORES}
    pooled = [name for name in names if name.endswith("_pooled")]
    if pooled:
        drawn = pooled_scores(rows)
        found |= {name: interval(drawn[name]) for name in pooled}
    by_suffix: dict[str, list[str]] = {}
    for name in names:
        if name not in found:
            suffix = next((end for end in DETECTION_SCORES if end and name.endswith(end)), "")
            by_suffix.setdefault(suffix, []).append(name.removesuffix(suffix))
    for suffix, wanted in by_suffix.items():
        drawn = image_scores(rows, threshold, suffix=suffix, names=wanted)
        found |= {name: interval(values) for name, values in drawn.items()}
    return {name: found[name] for name in names}


def mean_of(rows: list[Row], name: str, draws: int = DRAWS) -> tuple[float, float, float]:
    """The mean of a pixel score over forged pictures, and the ends of its 95 % interval; NaN left out."""
    values = np.array([row.pixels[name] for row in rows if row.forged], np.float64)
    kept = values[~np.isnan(values)]
    mean = float(kept.mean()) if kept.size else float("nan")
    if kept.size < FEWEST:
        return mean, float("nan"), float("nan")
    return (mean, *bootstrap_interval(kept, draws, _SEED))


def interval(drawn: NDArray[np.float64]) -> tuple[float, float, float]:
    """The value and the ends of its 95 % interval, from the value followed by what each draw gave; or all NaN.

    Examples:
        >>> [round(value, 3) for value in interval(np.array([0.5, 0.4, 0.6]))]
        [0.5, 0.405, 0.595]
    """
    kept = drawn[1:][~np.isnan(drawn[1:])]
    if np.isnan(drawn[0]) or not kept.size:
        return float(drawn[0]), float("nan"), float("nan")
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(drawn[0]), float(low), float(high)


def pooled_scores(rows: list[Row], draws: int = DRAWS) -> dict[str, NDArray[np.float64]]:
    """Scores "pixel_auc_pooled" and "f1_eer_pooled" of the forged ones: (1 + draws,), the value and the bootstrap's."""
    names = ("pixel_auc_pooled", "f1_eer_pooled")
    forged = [row for row in rows if row.forged]
    if not forged:
        return {name: np.full(1 + draws, np.nan) for name in names}
    places = np.unique(np.concatenate([row.histogram[0] for row in forged]) % BINS)
    # Both classes side by side, of the bins that any picture uses.
    narrow = np.zeros((len(forged), 2, places.size))
    for picture, row in zip(narrow, forged, strict=True):
        positive, bins = np.divmod(row.histogram[0], BINS)
        picture[positive, np.searchsorted(places, bins)] = row.histogram[1]
    # Fewer pictures have no interval, so their bootstrap is not drawn at all.
    times = _times(len(forged), draws if len(forged) >= FEWEST else 0)
    drawn = np.rint(times @ narrow.reshape(len(forged), -1)).astype(np.int64)
    lower = bin_ends()[places]
    values = np.full((2, 1 + draws), np.nan)
    for draw, (negatives, positives) in enumerate(drawn.reshape(len(times), 2, -1)):
        counts = Counts(lower, positives, negatives)
        values[:, draw] = auc_of(counts), f1_at(counts, equal_error(counts)[1])
    return dict(zip(names, values, strict=True))


def _times(pictures: int, draws: int) -> NDArray[np.float64]:
    """How often each of some pictures is in the original, once, and in each draw with replacement: (1 + draws, N)."""
    rng = np.random.default_rng(_SEED)
    even = np.full(pictures, 1 / pictures) if pictures else np.zeros(0)
    drawn = rng.multinomial(pictures, even, draws) if pictures else np.zeros((draws, 0))
    return np.vstack([np.ones((1, pictures)), drawn])


def image_scores(
    rows: list[Row],
    threshold: float,
    draws: int = DRAWS,
    suffix: str = "",
    names: Collection[str] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The image-level scores, each (1 + draws,): the value and the bootstrap's.

    Args:
        rows: of the pictures.
        threshold: of the verdict, or NaN.
        draws: of the bootstrap.
        suffix: which score they are ranked by, one of `DETECTION_SCORES`; the names end so.
        names: without the suffix, which scores are wanted; None for all that there are.
    """
    functions = _RANKED if suffix else _RANKED | _AT_HALF | _VERDICT
    functions = {name: function for name, function in functions.items() if names is None or name in names}
    column = DETECTION_SCORES[suffix]
    labels = np.array([row.forged for row in rows], bool)
    distinct, place = np.unique([getattr(row, column) for row in rows], return_inverse=True)
    forged, pristine = place[labels], place[~labels]
    values = np.full((len(functions), 1 + draws), np.nan)
    # Where neither class has enough pictures for an interval, the bootstrap is not drawn at all.
    drawn = draws if max(forged.size, pristine.size) >= FEWEST else 0
    for draw, (some, others) in enumerate(zip(_times(forged.size, drawn), _times(pristine.size, drawn), strict=True)):
        positives, negatives = (
            np.bincount(at, times, distinct.size).astype(np.int64) for at, times in ((forged, some), (pristine, others))
        )
        counts = Counts(distinct, positives, negatives)
        values[:, draw] = [function(counts, threshold) for function in functions.values()]
    for line, name in zip(values, functions, strict=True):
        needed = {"found": forged.size, "false_alarms": pristine.size}.get(name, min(forged.size, pristine.size))
        if needed < FEWEST:
            line[1:] = np.nan
    return dict(zip((name + suffix for name in functions), values, strict=True))


_Score = Callable[[Counts, float], float]
_RANKED: dict[str, _Score] = {
    "image_auc": lambda counts, _: auc_of(counts),
    "image_eer": lambda counts, _: equal_error(counts)[0],
    "image_f1_eer": lambda counts, _: f1_at(counts, equal_error(counts)[1]),
    "tpr_1": lambda counts, _: found_at(counts, 0.01),
    "tpr_5": lambda counts, _: found_at(counts, 0.05),
}
_ABOVE_HALF = float(np.nextafter(0.5, 1))
"""The smallest score above 0.5: thresholds count what is at and above them."""


def _balanced_accuracy(counts: Counts, threshold: float) -> float:
    found, alarms = called_at(counts, threshold)
    return (1 + found - alarms) / 2


def _accuracy(counts: Counts, threshold: float) -> float:
    found, alarms = called_at(counts, threshold)
    right = found * counts.positives + (1 - alarms) * counts.negatives
    return right / (counts.positives + counts.negatives) if not counts.degenerate else float("nan")


_AT_HALF: dict[str, _Score] = {
    "image_f1_half": lambda counts, _: float("nan") if counts.degenerate else f1_at(counts, _ABOVE_HALF),
    "image_accuracy_half": lambda counts, _: _accuracy(counts, _ABOVE_HALF),
    "balanced_accuracy_half": lambda counts, _: _balanced_accuracy(counts, _ABOVE_HALF),
}
_VERDICT: dict[str, _Score] = {
    "balanced_accuracy": _balanced_accuracy,
    "found": lambda counts, threshold: called_at(counts, threshold)[0],
    "false_alarms": lambda counts, threshold: called_at(counts, threshold)[1],
}
