"""Metrics of Section IV-A.2 and of related papers, as pure functions of arrays.

A metric that is not defined is NaN, and a mean over pictures leaves NaN out:

| case | AUC, EER, F1 at the EER; best F1 in tables | F1, IoU at a threshold | MCC |
|---|---|---|---|
| no forged pixel (pristine) | NaN | 0; NaN in tables, which take forged pictures only | 0 |
| all pixels forged | NaN | as computed | 0 |
| constant scores | 0.5; best F1 is that of "all forged" | as computed | 0 |
| one class of pictures empty | NaN | NaN | - |
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 1 << 12
LOGIT = 20.0
"""Histograms of pooled scores have BINS bins, which cover log(p / (1 - p)) from -LOGIT to LOGIT."""
BORDER_INSIDE, BORDER_OUTSIDE = 15, 11
"""Sides, in pixels, of the squares that erode and dilate forged regions where borders are ignored, as in TruFor."""


@dataclass(frozen=True)
class Counts:
    """How often each score occurs among positives and negatives. All threshold metrics are computed from this.

    Attributes:
        values: (N,) distinct scores, ascending.
        of_positives: (N,) number of positives with each score.
        of_negatives: (N,) number of negatives with each score.
    """

    values: NDArray[np.float64]
    of_positives: NDArray[np.int64]
    of_negatives: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """The number of positives."""
        return int(self.of_positives.sum())

    @property
    def negatives(self) -> int:
        """The number of negatives."""
        return int(self.of_negatives.sum())

    @property
    def degenerate(self) -> bool:
        """Whether one of the classes is empty, so that a ranking has no meaning."""
        return self.positives == 0 or self.negatives == 0

    def turned(self) -> "Counts":
        """The counts with each score replaced by 1 - score.

        Examples:
            >>> count([0.25, 0.75], [False, True]).turned().of_positives.tolist()
            [1, 0]
        """
        return Counts(1 - self.values[::-1], self.of_positives[::-1], self.of_negatives[::-1])

    def called(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """True and false positives with each score as the threshold ("forged" at and above it).

        Examples:
            >>> true, false = count([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).called()
            >>> true.tolist(), false.tolist()
            ([2, 2, 1, 1], [2, 1, 1, 0])
        """
        return np.cumsum(self.of_positives[::-1])[::-1], np.cumsum(self.of_negatives[::-1])[::-1]


def count(scores: ArrayLike, labels: ArrayLike) -> Counts:
    """Count scores by class.

    Args:
        scores: any shape, real; higher means more likely positive.
        labels: same shape as the scores, true where positive.

    Raises:
        ValueError: if the shapes differ or a score is not finite.

    Examples:
        >>> counts = count([0.2, 0.7, 0.7], [False, True, False])
        >>> counts.values.tolist(), counts.of_positives.tolist(), counts.of_negatives.tolist()
        ([0.2, 0.7], [0, 1], [1, 1])
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    positive = np.asarray(labels).ravel().astype(bool)
    if values.shape != positive.shape:
        raise ValueError(f"{values.size} scores cannot be compared with {positive.size} labels")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite to be ranked")
    distinct, inverse = np.unique(values, return_inverse=True)
    of_positives = np.bincount(inverse[positive], minlength=distinct.size)
    return Counts(distinct, of_positives, np.bincount(inverse[~positive], minlength=distinct.size))


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Exact area under the ROC curve; ties count half. See `count` for the arguments.

    Returns:
        0..1, or NaN if there are only positives or only negatives.

    Examples:
        >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
        0.75
    """
    return auc_of(count(scores, labels))


def auc_of(counts: Counts) -> float:
    """Exact area under the ROC curve, 0..1, or NaN if a class is empty.

    Examples:
        >>> auc_of(count([0.5, 0.5], [False, True]))
        0.5
    """
    if counts.degenerate:
        return float("nan")
    below = np.cumsum(counts.of_negatives) - counts.of_negatives
    wins = (counts.of_positives * (below + 0.5 * counts.of_negatives)).sum(dtype=np.float64)
    return float(wins / (float(counts.positives) * float(counts.negatives)))


def equal_error(counts: Counts) -> tuple[float, float]:
    """The equal error rate and its threshold (Section IV-A.2).

    Returns:
        The rate where false alarms equal misses on the linearly interpolated ROC curve; and the score at which the two
        rates are closest (of two such scores, the higher). Both are NaN if a class is empty.

    Examples:
        >>> equal_error(count([0.1, 0.4, 0.35, 0.8], [False, False, True, True]))
        (0.5, 0.4)
    """
    if counts.degenerate:
        return float("nan"), float("nan")
    true, false = counts.called()
    # From a threshold at which all are called forged to one at which none is.
    alarms = np.append(false / counts.negatives, 0.0)
    misses = np.append(1 - true / counts.positives, 1.0)
    after = int(np.argmax(misses >= alarms))
    gap_before, gap_after = alarms[after - 1] - misses[after - 1], misses[after] - alarms[after]
    share = gap_before / (gap_before + gap_after) if gap_before + gap_after else 0.0
    rate = alarms[after - 1] + share * (alarms[after] - alarms[after - 1])
    gaps = np.abs(alarms - misses)[:-1]
    nearest = gaps.size - 1 - int(np.argmin(gaps[::-1]))
    return float(rate), float(counts.values[nearest])


def found_at(counts: Counts, alarms: float) -> float:
    """The highest true positive rate at a false positive rate of at most `alarms`; NaN if a class is empty.

    Examples:
        >>> counts = count([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
        >>> found_at(counts, 0.0), found_at(counts, 0.5)
        (0.5, 1.0)
    """
    if counts.degenerate:
        return float("nan")
    true, false = counts.called()
    allowed = true[false <= alarms * counts.negatives]
    return float(allowed.max() / counts.positives) if allowed.size else 0.0


def f1_at(counts: Counts, threshold: float) -> float:
    """F1 with scores at and above a threshold called positive; NaN for a threshold of NaN.

    Examples:
        >>> f1_at(count([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 0.35)
        0.8
    """
    if np.isnan(threshold):
        return float("nan")
    called = counts.values >= threshold
    true, false = int(counts.of_positives[called].sum()), int(counts.of_negatives[called].sum())
    either = true + false + counts.positives
    return 2 * true / either if either else 0.0


def called_at(counts: Counts, threshold: float) -> tuple[float, float]:
    """True and false positive rate with scores at and above a threshold called positive.

    NaN for an empty class and for a threshold of NaN.

    Examples:
        >>> called_at(count([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 0.35)
        (1.0, 0.5)
    """
    if np.isnan(threshold):
        return float("nan"), float("nan")
    called = counts.values >= threshold
    true, false = float(counts.of_positives[called].sum()), float(counts.of_negatives[called].sum())
    positives, negatives = counts.positives, counts.negatives
    return true / positives if positives else float("nan"), false / negatives if negatives else float("nan")


def best_f1(counts: Counts) -> float:
    """The highest F1 over all thresholds; 0 if there is no positive.

    Examples:
        >>> best_f1(count([0.1, 0.4, 0.35, 0.8], [False, False, True, True]))
        0.8
    """
    true, false = counts.called()
    return float((2 * true / (true + false + counts.positives)).max()) if true.size and counts.positives else 0.0


def histogram(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """Count the pixels of a picture by score and class, so that many pictures can be pooled in bounded memory.

    The 4,096 bins have equal width in log(p / (1 - p)), from -20 to 20, since most mask values are near 0 or 1. Pixels
    in one bin count as tied, so the AUC is off by at most half the share of (positive, negative) pairs in one bin.

    Args:
        probabilities: any shape, 0..1.
        labels: same shape, true where positive.

    Returns:
        (2, BINS) int64: negatives and positives in each bin, by ascending score.

    Examples:
        >>> histogram([0.1, 0.9, 0.9], [False, True, True]).sum(axis=1).tolist()
        [1, 2]
    """
    values = np.clip(np.asarray(probabilities, dtype=np.float64).ravel(), 1e-12, 1 - 1e-12)
    position = (np.log(values / (1 - values)) / (2 * LOGIT) + 0.5) * BINS
    bins = np.clip(position, 0, BINS - 1).astype(np.int64)
    positive = np.asarray(labels).ravel().astype(np.int64)
    return np.bincount(positive * BINS + bins, minlength=2 * BINS).reshape(2, BINS)


def pooled_counts(histograms: NDArray[np.int64]) -> Counts:
    """The counts of a sum of histograms, (2, BINS); a bin's score is its lower edge.

    Examples:
        >>> one, other = histogram([0.1, 0.9], [False, True]), histogram([0.2, 0.6], [False, True])
        >>> counts = pooled_counts(one + other)
        >>> counts.positives, counts.negatives, auc_of(counts)
        (2, 2, 1.0)
    """
    return Counts(bin_ends(), histograms[1], histograms[0])


def bin_ends() -> NDArray[np.float64]:
    """The lower edges of the bins of `histogram`, (BINS,), ascending from 0.

    Examples:
        >>> ends = bin_ends()
        >>> len(ends), float(ends[0]), float(ends[BINS // 2])
        (4096, 0.0, 0.5)
    """
    ends = 1 / (1 + np.exp(-(np.arange(BINS) / BINS - 0.5) * 2 * LOGIT))
    ends[0] = 0.0
    return np.asarray(ends)


class PooledAUC:
    """AUC over the pixels of many pictures, in bounded memory; see `histogram`.

    Examples:
        >>> pooled = PooledAUC()
        >>> pooled.update([0.1, 0.6], [False, True])
        >>> pooled.update([0.7, 0.9], [False, True])
        >>> pooled.compute()
        0.75
    """

    def __init__(self) -> None:
        self._histogram = np.zeros((2, BINS), dtype=np.int64)

    def update(self, probabilities: ArrayLike, labels: ArrayLike) -> None:
        """Add one picture; see `histogram` for the arguments."""
        self._histogram += histogram(probabilities, labels)

    def compute(self) -> float:
        """The pooled AUC, 0..1, or NaN if one class has no pixel."""
        return auc_of(pooled_counts(self._histogram))


def f1(predicted: ArrayLike, labels: ArrayLike) -> float:
    """F1 of a binary mask, 0..1; 0 if neither prediction nor labels have a positive.

    Examples:
        >>> f1([True, True, False, False], [True, False, True, False])
        0.5
    """
    guess, truth = np.asarray(predicted).astype(bool), np.asarray(labels).astype(bool)
    both = 2 * int((guess & truth).sum())
    either = int(guess.sum()) + int(truth.sum())
    return both / either if either else 0.0


def iou(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Intersection over union of a binary mask, 0..1; 0 if neither prediction nor labels have a positive.

    Examples:
        >>> iou([True, True, False, False], [True, False, False, False])
        0.5
    """
    guess, truth = np.asarray(predicted).astype(bool), np.asarray(labels).astype(bool)
    union = int((guess | truth).sum())
    return int((guess & truth).sum()) / union if union else 0.0


def mcc(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Matthews' correlation coefficient of a binary mask, -1..1; 0 if prediction or labels are constant.

    Examples:
        >>> mcc([True, True, False, False], [True, True, False, False]), mcc([True, False], [False, True])
        (1.0, -1.0)
    """
    guess, truth = np.asarray(predicted).astype(bool).ravel(), np.asarray(labels).astype(bool).ravel()
    both, guessed, true = int((guess & truth).sum()), int(guess.sum()), int(truth.sum())
    spread = float(guessed) * (guess.size - guessed) * true * (guess.size - true)
    return (both * guess.size - guessed * true) / spread**0.5 if spread else 0.0


def off_borders(truth: ArrayLike) -> NDArray[np.bool_]:
    """The pixels that count where the borders of forged regions are ignored, as in TruFor's protocol.

    Args:
        truth: (H, W), true where forged.

    Returns:
        (H, W) bool, true where a pixel is well inside a forged region or well outside of all.

    Examples:
        >>> truth = np.zeros((60, 60), bool)
        >>> truth[20:40, 20:40] = True
        >>> kept = off_borders(truth)
        >>> int(truth.sum()), int((truth & kept).sum())
        (400, 36)
    """
    import cv2  # slow to import, and reading a model card imports this module

    forged = np.asarray(truth).astype(np.uint8)
    inside = cv2.erode(forged, np.ones((BORDER_INSIDE, BORDER_INSIDE), np.uint8))
    outside = cv2.dilate(forged, np.ones((BORDER_OUTSIDE, BORDER_OUTSIDE), np.uint8))
    return np.asarray((inside > 0) | (outside == 0))


def bootstrap_interval(values: ArrayLike, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of per-picture values, without NaN.

    Args:
        values: (N,) one value per picture.
        draws: number of resamples of the pictures.
        seed: of the random resampling.

    Returns:
        (low, high); NaN if no value is left.

    Examples:
        >>> low, high = bootstrap_interval([0.0, 1.0] * 50)
        >>> round(low, 1), round(high, 1)
        (0.4, 0.6)
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    if kept.size == 0:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, kept.size, (draws, kept.size))
    low, high = np.percentile(kept[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
