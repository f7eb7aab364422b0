"""Metrics of Section IV-A.2 as pure functions of arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 1 << 16


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve, exact, ties counted half.

    Args:
        scores: any shape, real; higher means more likely positive.
        labels: of the same shape, true where positive.

    Returns:
        0..1, or NaN where there are only positives or only negatives.

    Raises:
        ValueError: if the shapes differ or a score is not finite.
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    positive = np.asarray(labels).ravel().astype(bool)
    if values.shape != positive.shape:
        raise ValueError(f"{values.size} scores cannot be compared with {positive.size} labels")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite to be ranked")
    positives = int(positive.sum())
    negatives = positive.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    distinct, inverse = np.unique(values, return_inverse=True)
    of_positives = np.bincount(inverse[positive], minlength=distinct.size)
    of_negatives = np.bincount(inverse[~positive], minlength=distinct.size)
    return _auc_of_counts(of_positives, of_negatives)


def _auc_of_counts(of_positives: NDArray[np.int64], of_negatives: NDArray[np.int64]) -> float:
    """AUC from how often each score, in rising order, occurs in either class."""
    below = np.cumsum(of_negatives) - of_negatives
    wins = (of_positives * (below + 0.5 * of_negatives)).sum(dtype=np.float64)
    pairs = float(of_positives.sum()) * float(of_negatives.sum())
    return float(wins / pairs) if pairs else float("nan")


class PooledAUC:
    """AUC over the pixels of many pictures together, in bounded memory.

    Probabilities are counted in 65,536 equal bins; pixels that share a bin count as tied, so the error is at most
    half the share of (positive, negative) pairs that do.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((2, BINS), dtype=np.int64)

    def update(self, probabilities: ArrayLike, labels: ArrayLike) -> None:
        """Add one picture.

        Args:
            probabilities: any shape, 0..1.
            labels: of the same shape, true where positive.
        """
        values = np.asarray(probabilities, dtype=np.float64).ravel()
        positive = np.asarray(labels).ravel().astype(np.int64)
        bins = np.clip(values * BINS, 0, BINS - 1).astype(np.int64)
        self._counts += np.bincount(positive * BINS + bins, minlength=2 * BINS).reshape(2, BINS)

    def compute(self) -> float:
        """The pooled AUC, 0..1, or NaN before both classes have been seen."""
        return _auc_of_counts(self._counts[1], self._counts[0])


def f1(predicted: ArrayLike, labels: ArrayLike) -> float:
    """F1 of a binary mask, 0..1; 0 where neither prediction nor label has a positive."""
    guess, truth = np.asarray(predicted).astype(bool), np.asarray(labels).astype(bool)
    both = 2 * int((guess & truth).sum())
    either = int(guess.sum()) + int(truth.sum())
    return both / either if either else 0.0


def bootstrap_interval(values: ArrayLike, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of per-picture values, NaN left out.

    Args:
        values: (N,) one value a picture.
        draws: resamples of the pictures.
        seed: of the resampling.

    Returns:
        (low, high), NaN where no value is left.
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    if kept.size == 0:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, kept.size, (draws, kept.size))
    low, high = np.percentile(kept[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
