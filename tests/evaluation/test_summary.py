import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from psccnet.evaluation.rows import PIXEL_SCORES, Row, sparse
from psccnet.evaluation.summary import SCORES, image_scores, pooled_scores, score_of, summarize
from psccnet.metrics import auc_of, equal_error, f1_at, histogram, pooled_counts

Make = Callable[..., Row]
NAN = float("nan")


@pytest.fixture
def rows(row: Make) -> list[Row]:
    removal = dict.fromkeys(PIXEL_SCORES, NAN) | {"f1_half": 1.0}
    return [
        row("0", score=0.1),
        row("1", score=0.6),
        row("2", score=0.2),
        row("3", "splicing", 0.7, 0.9),
        row("4", "splicing", 0.4, 0.7),
        row("5", "removal", 0.6, removal),
        row("6", "retouching", 0.9, 0.5),
    ]


def test_summary(rows: list[Row]) -> None:
    summary = summarize(rows, threshold=0.6)
    assert (summary["pictures"], summary["forged"], summary["threshold"]) == (7, 4, 0.6)
    assert summary["pixel_auc"] == pytest.approx(0.7)
    assert summary["pixel_auc_splicing"] == pytest.approx(0.8)
    assert math.isnan(summary["pixel_auc_removal"])
    assert "pixel_auc_pristine" not in summary
    assert summary["f1_half"] == pytest.approx((0.9 + 0.7 + 1.0 + 0.5) / 4)
    labels, scores = [row.forged for row in rows], np.array([row.score for row in rows])
    assert summary["image_auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert summary["image_auc_mean"] == pytest.approx(summary["image_auc"])
    assert summary["image_auc_max"] == pytest.approx(1 - summary["image_auc"])
    assert summary["found"] == pytest.approx(3 / 4)
    assert summary["false_alarms"] == pytest.approx(1 / 3)
    assert summary["balanced_accuracy"] == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert {f"{name}{end}" for name in SCORES for end in ("", "_low", "_high")} <= set(summary)


def test_intervals_contain_the_value_and_narrow_with_pictures(row: Make) -> None:
    rng = np.random.default_rng(0)
    pristine = [row(str(i), score=score) for i, score in enumerate(rng.normal(0.4, 0.1, 40).clip(0, 1))]
    forged = [
        row(f"f{i}", "splicing", s, a)
        for i, (s, a) in enumerate(zip(rng.normal(0.5, 0.1, 40), rng.uniform(0.4, 1, 40), strict=True))
    ]
    summary, few = (summarize(part, 0.5, draws=100) for part in (pristine + forged, pristine[:10] + forged[:10]))
    for name in SCORES:
        low, high = summary[f"{name}_low"], summary[f"{name}_high"]
        assert low <= summary[name] <= high, name
    for name in ("pixel_auc", "image_auc", "f1_half", "balanced_accuracy", "found"):
        assert few[f"{name}_high"] - few[f"{name}_low"] > summary[f"{name}_high"] - summary[f"{name}_low"]
    assert summarize(pristine + forged, 0.5, draws=100) == summary


def test_what_is_not_defined_is_nan(rows: list[Row]) -> None:
    detection = {name for name in SCORES if name.startswith(("image", "tpr", "balanced"))}
    of_masks = {*PIXEL_SCORES, "pixel_auc_pooled", "f1_eer_pooled"}
    for part, missing in ((rows[:3], detection | of_masks | {"found"}), (rows[3:], detection | {"false_alarms"})):
        summary = summarize(part, 0.5)
        assert {name for name in SCORES if math.isnan(summary[name])} == missing
        assert all(math.isnan(summary[f"{name}_low"]) for name in missing)
    without = summarize(rows, NAN)
    assert {name for name in SCORES if math.isnan(without[name])} == {"found", "false_alarms", "balanced_accuracy"}


def test_pooled_scores_are_those_of_all_pixels_together(row: Make) -> None:
    rng = np.random.default_rng(2)
    pictures, rows = [], []
    for i in range(10):
        truth = rng.random((40, 50)) < 0.05 * (i + 1)
        mask = rng.beta(2 + truth, 4 + i / 2, truth.shape).astype(np.float32)
        pictures.append((mask, truth))
        one = row(str(i), "splicing")
        rows.append(Row(**{**one.__dict__, "histogram": sparse(mask, truth)}))
    drawn = pooled_scores(rows, draws=200)
    masks, truths = (np.concatenate([part[at].ravel() for part in pictures]) for at in (0, 1))
    assert drawn["pixel_auc_pooled"][0] == pytest.approx(roc_auc_score(truths, masks), abs=1e-4)
    counts = pooled_counts(sum(histogram(*picture) for picture in pictures))
    assert drawn["f1_eer_pooled"][0] == f1_at(counts, equal_error(counts)[1])
    # A draw is a resample of the pictures: all of them lie within what single pictures give.
    single = [auc_of(pooled_counts(histogram(*picture))) for picture in pictures]
    assert np.ptp(drawn["pixel_auc_pooled"][1:]) > 0
    assert drawn["pixel_auc_pooled"][1:].max() < max(single) + 0.1


def test_image_scores_of_another_score(rows: list[Row]) -> None:
    drawn = image_scores(rows, 0.5, draws=3, suffix="_max")
    assert drawn["image_auc_max"].shape == (4,)
    assert drawn["image_auc_max"][0] == pytest.approx(1 - image_scores(rows, 0.5, draws=3)["image_auc"][0])
    assert "found_max" not in drawn


@pytest.mark.parametrize("name", ["f1_best_permuted", "pixel_auc_pooled", "tpr_5", "found"])
def test_one_score_is_that_of_the_summary(rows: list[Row], name: str) -> None:
    summary = summarize(rows, 0.5)
    expected = [summary[name + end] for end in ("", "_low", "_high")]
    assert score_of(rows, name, 0.5) == pytest.approx(expected, abs=0, nan_ok=True)


def test_fewer_than_ten_pictures_have_no_interval(row: Make) -> None:
    def ends(name: str, pristine: int, forged: int) -> float:
        some = [row(f"p{i}", score=i / 20) for i in range(pristine)]
        some += [row(f"f{i}", "splicing", i / 15, i / 20) for i in range(forged)]
        summary = summarize(some, 0.3, draws=20)
        assert not math.isnan(summary[name])
        return summary[f"{name}_high"]

    # Of which classes each score needs ten.
    needs = {
        "found": (False, True),
        "false_alarms": (True, False),
        "image_auc": (True, True),
        "pixel_auc": (False, True),
    }
    for name, (of_pristine, of_forged) in needs.items():
        assert math.isfinite(ends(name, 10, 10))
        assert math.isnan(ends(name, 9, 12)) == of_pristine
        assert math.isnan(ends(name, 12, 9)) == of_forged


def test_counts_are_integers(rows: list[Row]) -> None:
    summary = summarize(rows, 0.5)
    assert [type(summary[name]) for name in ("pictures", "forged")] == [int, int]
