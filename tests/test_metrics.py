import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from psccnet.metrics import (
    PooledAUC,
    auc,
    auc_of,
    best_f1,
    bootstrap_interval,
    called_at,
    count,
    equal_error,
    f1,
    f1_at,
    found_at,
    iou,
    mcc,
    off_borders,
)

# Few distinct scores, so that most of them are tied.
SCORED = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60)


@settings(max_examples=100, deadline=None)
@given(SCORED.filter(lambda pairs: len({label for _, label in pairs}) == 2))
def test_auc_is_that_of_scikit_learn_with_ties(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*pairs, strict=True)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), min_size=2, max_size=40).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
def test_auc_turns_over_with_the_labels(pairs: list[tuple[float, bool]]) -> None:
    scores, labels = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    assert auc(scores, labels) + auc(scores, ~labels) == pytest.approx(1)
    assert auc(-scores, labels) + auc(scores, labels) == pytest.approx(1)


def test_auc_by_hand() -> None:
    # Pairs (positive, negative): 0.9 beats both, 0.4 ties with one and beats the other.
    assert auc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0]) == 3.5 / 4
    assert auc(np.eye(2), np.eye(2) > 0) == 1


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_auc_of_one_class_is_nan(labels: list[int]) -> None:
    assert math.isnan(auc([0.1, 0.2, 0.3][: len(labels)], labels))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_cannot_be_ranked_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        auc([0.1, bad, 0.3], [0, 1, 0])


def test_scores_and_labels_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 scores .* 2 labels"):
        auc([0.1, 0.2, 0.3], [0, 1])


def test_pooled_auc_is_nearly_exact() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(100_000) < 0.2
    scores = rng.beta(2 + labels, 4, 100_000)
    pooled = PooledAUC()
    for part in np.array_split(np.arange(100_000), 7):
        pooled.update(scores[part].astype(np.float32), labels[part])
    exact = roc_auc_score(labels, scores)
    assert 0.55 < exact < 0.95
    assert pooled.compute() == pytest.approx(exact, abs=1e-4)


def test_pooled_auc_takes_the_ends_of_the_range() -> None:
    pooled = PooledAUC()
    assert math.isnan(pooled.compute())
    pooled.update(np.zeros((2, 2)), np.zeros((2, 2), bool))
    assert math.isnan(pooled.compute())
    pooled.update([[1.0, 0.0]], [[True, True]])
    # One positive above the four negatives, one tied with them.
    assert pooled.compute() == 0.75


@pytest.mark.parametrize("spread", [0.2, 2.0, 8.0])
def test_pooled_auc_of_masks_that_crowd_near_0(spread: float) -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(100_000) < 0.1
    scores = 1 / (1 + np.exp(5 - spread * rng.standard_normal(100_000) - spread * labels))
    pooled = PooledAUC()
    pooled.update(scores, labels)
    assert pooled.compute() == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)


def test_off_borders() -> None:
    truth = np.zeros((60, 60), bool)
    truth[20:45, 20:45] = True
    kept = off_borders(truth)
    inside, outside = kept & truth, kept & ~truth
    assert inside.sum() == (25 - 14) ** 2
    assert inside[27:38, 27:38].all()
    assert (~outside).sum() == (25 + 10) ** 2
    assert off_borders(np.zeros((5, 5))).all()
    assert off_borders(np.ones((5, 5))).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    predicted, labels = zip(*pairs, strict=True)
    assert f1(predicted, labels) == pytest.approx(f1_score(labels, predicted, zero_division=0.0))


def test_f1_by_hand() -> None:
    assert f1([[1, 1], [0, 0]], [[1, 0], [1, 0]]) == 0.5
    assert f1([1, 1], [1, 1]) == 1
    assert f1([0, 0], [0, 0]) == 0
    assert f1([1, 0], [0, 1]) == 0


def test_bootstrap_interval_is_deterministic_and_holds_the_mean() -> None:
    values = np.random.default_rng(1).normal(0.7, 0.1, 400)
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    assert (low, high) != bootstrap_interval(values, seed=1)
    assert low < values.mean() < high
    # By the central limit theorem.
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_bootstrap_interval_leaves_nan_out() -> None:
    values = [0.2, 0.4, 0.9]
    assert bootstrap_interval([math.nan, *values, math.nan]) == bootstrap_interval(values)
    assert bootstrap_interval([0.3]) == (0.3, 0.3)
    assert all(math.isnan(end) for end in bootstrap_interval([math.nan]))
    assert all(math.isnan(end) for end in bootstrap_interval([]))


@settings(max_examples=100, deadline=None)
@given(SCORED.filter(lambda pairs: len({label for _, label in pairs}) == 2))
def test_threshold_metrics_are_scikit_learns(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([score / 3 for score, _ in pairs]), np.array([label for _, label in pairs])
    counts = count(scores, labels)
    for threshold in (-2.0, -0.4, 0.0, 0.5, 2.0):
        expected = sklearn.metrics.f1_score(labels, scores >= threshold, zero_division=0)
        assert f1_at(counts, threshold) == pytest.approx(expected)
    every = [sklearn.metrics.f1_score(labels, scores >= value, zero_division=0) for value in np.unique(scores)]
    assert best_f1(counts) == pytest.approx(max(every))
    alarms, found, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    for bound in (0.01, 0.05, 0.5, 1.0):
        assert found_at(counts, bound) == pytest.approx(found[alarms <= bound].max())
    rate, threshold = equal_error(counts)
    # The rate lies on the ROC curve where false alarms equal misses.
    assert np.interp(rate, alarms, found) == pytest.approx(1 - rate, abs=1e-9) or np.isclose(alarms, rate).any()
    called = scores >= threshold
    gap = abs((called & ~labels).sum() / (~labels).sum() - (~called & labels).sum() / labels.sum())
    gaps = [abs((scores >= t)[~labels].mean() - (scores < t)[labels].mean()) for t in np.unique(scores)]
    assert gap == pytest.approx(min(gaps))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_mask_metrics_are_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    guess, truth = np.array(pairs).T
    expected = sklearn.metrics.jaccard_score(truth, guess, zero_division=0)
    assert iou(guess, truth) == pytest.approx(expected)
    if 0 < truth.sum() < truth.size and 0 < guess.sum() < guess.size:
        assert mcc(guess, truth) == pytest.approx(sklearn.metrics.matthews_corrcoef(truth, guess))
        found, alarms = called_at(count(guess, truth), 0.5)
        assert (1 + found - alarms) / 2 == pytest.approx(sklearn.metrics.balanced_accuracy_score(truth, guess))
    else:
        assert mcc(guess, truth) == 0


def test_equal_error_by_hand() -> None:
    # One of four forged lies below two of four pristine: at 0.4 a quarter of each is wrong.
    counts = count([0.9, 0.8, 0.7, 0.3, 0.1, 0.2, 0.25, 0.4], [1, 1, 1, 1, 0, 0, 0, 0])
    assert equal_error(counts) == (0.25, 0.4)
    assert equal_error(count([0.1, 0.9], [0, 1])) == (0.0, 0.9)
    assert equal_error(count([0.5, 0.5], [0, 1]))[0] == 0.5


def test_one_class_has_no_ranks() -> None:
    counts = count([0.1, 0.2], [1, 1])
    assert all(np.isnan([auc_of(counts), *equal_error(counts), found_at(counts, 0.1)]))
    assert called_at(counts, 0.2)[0] == 0.5
    assert np.isnan([called_at(counts, 0.2)[1], *called_at(counts, math.nan)]).all()
    assert best_f1(count([0.1, 0.2], [0, 0])) == 0
