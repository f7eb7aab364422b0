import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score, jaccard_score, roc_auc_score

from psccnet.datasets.listing import read_listing
from psccnet.datasets.masks import read_mask
from psccnet.evaluation.protocol import Evaluation, Row, image_auc_interval, summarize, write_rows
from psccnet.inference import Detector

NAN = float("nan")


@pytest.fixture
def evaluated(detector: Detector, listed_set: Path) -> Evaluation:
    evaluation = Evaluation(detector)
    assert len(list(evaluation.run(read_listing(listed_set)))) == 7
    return evaluation


def test_rows_are_what_scikit_learn_says_of_the_masks(evaluated: Evaluation, listed_set: Path) -> None:
    scores, truths = [], []
    for row, entry in zip(evaluated.rows, read_listing(listed_set), strict=True):
        result = evaluated.detector.detect(entry.image)
        assert (row.id, row.set, row.manipulation) == (entry.id, entry.set, entry.manipulation)
        assert row.score == result.score
        assert row.mask_mean == pytest.approx(result.mask.mean())
        assert row.mask_max == result.mask.max()
        if entry.mask is None:
            assert math.isnan(row.pixel_auc)
            assert math.isnan(row.f1_half)
            assert row.forged_fraction == 0
            continue
        truth = read_mask(entry.mask, *result.mask.shape)
        assert row.pixel_auc == pytest.approx(roc_auc_score(truth.ravel(), result.mask.ravel()), abs=1e-9)
        assert row.f1_half == pytest.approx(f1_score(truth.ravel(), result.mask.ravel() > 0.5))
        assert row.iou_half == pytest.approx(jaccard_score(truth.ravel(), result.mask.ravel() > 0.5))
        assert row.f1_half <= row.f1_best <= 1
        assert row.f1_eer <= row.f1_best
        assert row.forged_fraction == pytest.approx(truth.mean())
        scores.append(result.mask.ravel())
        truths.append(truth.ravel())
    pooled = roc_auc_score(np.concatenate(truths), np.concatenate(scores))
    assert evaluated.summary()["pixel_auc_pooled"] == pytest.approx(pooled, abs=1e-3)


def test_the_exit_scale_is_the_mask_that_is_scored(detector: Detector, listed_set: Path, evaluated: Evaluation) -> None:
    coarse = Evaluation(detector, exit_scale=4)
    entry = read_listing(listed_set)[1]
    row = next(iter(coarse.run([entry])))
    assert row.mask_max == detector.detect(entry.image, exit_scale=4).mask.max() != evaluated.rows[1].mask_max


def test_what_cannot_be_used_is_named_and_left_out(detector: Detector, listed_set: Path) -> None:
    (listed_set / "0.png").unlink()
    (listed_set / "3.png").write_bytes(b"words")
    Image.new("L", (3, 4)).save(listed_set / "masks" / "1.png")
    (listed_set / "masks" / "2.png").unlink()
    evaluation = Evaluation(detector)
    assert [row.id for row in evaluation.run(read_listing(listed_set))] == ["4.png", "5.png", "6.png"]
    assert len(evaluation.failures) == 4
    for failure, name in zip(evaluation.failures, ("0.png", "masks/1.png", "masks/2.png", "3.png"), strict=True):
        assert failure.startswith(f"{listed_set / name}: ")


def row(score: float, manipulation: str = "pristine", pixel_auc: float = NAN, f1: float = NAN) -> Row:
    return Row("p", "", manipulation, score, score / 2, 1 - score, pixel_auc, f1, f1, f1, f1, f1, 0.0)


ROWS = [
    row(0.1),
    row(0.6),
    row(0.2),
    row(0.7, "splicing", 0.9, 0.5),
    row(0.4, "splicing", 0.7, 0.1),
    row(0.6, "removal", NAN, 1.0),
    row(0.9, "retouching", 0.5, 0.0),
]


def test_summary() -> None:
    summary = summarize(ROWS, threshold=0.6)
    assert (summary["pictures"], summary["forged"], summary["threshold"]) == (7, 4, 0.6)
    assert summary["pixel_auc"] == pytest.approx(0.7)
    assert summary["pixel_auc_splicing"] == pytest.approx(0.8)
    assert summary["pixel_auc_retouching"] == pytest.approx(0.5)
    assert math.isnan(summary["pixel_auc_removal"])
    assert "pixel_auc_pristine" not in summary
    assert summary["f1_half"] == pytest.approx(0.4)
    labels = [row.manipulation != "pristine" for row in ROWS]
    scores = np.array([row.score for row in ROWS])
    assert summary["image_auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert summary["image_auc_mean"] == pytest.approx(summary["image_auc"])
    assert summary["image_auc_max"] == pytest.approx(1 - summary["image_auc"])
    assert summary["found"] == pytest.approx(3 / 4)
    assert summary["false_alarms"] == pytest.approx(1 / 3)


def test_intervals_contain_the_value() -> None:
    rng = np.random.default_rng(0)
    rows = [row(score) for score in rng.normal(0.4, 0.1, 40).clip(0, 1)]
    rows += [row(s, "splicing", a, 0.5) for s, a in zip(rng.normal(0.5, 0.1, 40), rng.uniform(0.4, 1, 40), strict=True)]
    summary = summarize(rows, 0.5)
    for name in ("pixel_auc", "image_auc"):
        low, high = summary[f"{name}_low"], summary[f"{name}_high"]
        assert 0 <= low < summary[name] < high <= 1
        assert high - low < 0.4
    wider = summarize(rows[30:50], 0.5)
    assert wider["image_auc_high"] - wider["image_auc_low"] > summary["image_auc_high"] - summary["image_auc_low"]
    assert image_auc_interval(rows) == image_auc_interval(rows)


@pytest.mark.parametrize(
    ("rows", "missing"), [(ROWS[:3], ("pixel_auc", "f1_half", "found")), (ROWS[3:], ("false_alarms",))]
)
def test_what_is_not_defined_is_nan(rows: list[Row], missing: tuple[str, ...]) -> None:
    summary = summarize(rows, 0.5)
    undefined = {name for name, value in summary.items() if math.isnan(value)} - {"pixel_auc_removal"}
    expected = {*missing, "image_auc", "image_auc_mean", "image_auc_max", "image_auc_low", "image_auc_high"}
    expected |= {"image_eer", "image_f1_eer", "tpr_1", "tpr_5", "balanced_accuracy"}
    if "pixel_auc" in missing:
        expected |= {"pixel_auc_low", "pixel_auc_high", "f1_eer", "f1_best", "iou_half", "mcc_half"}
    assert undefined == expected


def test_no_pooled_auc_without_forged_pictures(detector: Detector, listed_set: Path) -> None:
    evaluation = Evaluation(detector)
    list(evaluation.run([entry for entry in read_listing(listed_set) if not entry.forged]))
    assert math.isnan(evaluation.summary()["pixel_auc_pooled"])


def test_written_rows_are_read_back(evaluated: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.csv"
    write_rows(evaluated.rows, path)
    with path.open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [line["id"] for line in read] == [row.id for row in evaluated.rows]
    for line, written in zip(read, evaluated.rows, strict=True):
        assert float(line["pixel_auc"]) == pytest.approx(written.pixel_auc, nan_ok=True, abs=0)
        assert float(line["score"]) == written.score
    assert list(path.parent.iterdir()) == [path]


def test_a_table_that_cannot_be_written_leaves_nothing(evaluated: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_rows(evaluated.rows, tmp_path / "taken")
    assert not list(tmp_path.glob(".taken*"))
