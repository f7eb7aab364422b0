import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score, jaccard_score, matthews_corrcoef, precision_recall_curve, roc_auc_score

from psccnet.errors import InputError, MissingFileError, WriteError
from psccnet.evaluation.rows import PIXEL_SCORES, Row, pixel_scores, read_rows, rows_to_parquet, sparse, write_rows
from psccnet.metrics import BINS, histogram

RNG = np.random.default_rng(0)
TRUTH = np.zeros((60, 80), bool)
TRUTH[15:45, 20:60] = True
MASK = np.clip(RNG.beta(2, 4, TRUTH.shape) + 0.2 * TRUTH, 0, 1).astype(np.float32)


def best(truth: np.ndarray, mask: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(truth, mask)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))


def test_scores_are_what_scikit_learn_says() -> None:
    scores = pixel_scores(MASK, TRUTH)
    assert set(scores) == set(PIXEL_SCORES)
    truth, mask = TRUTH.ravel(), MASK.ravel()
    assert scores["pixel_auc"] == pytest.approx(roc_auc_score(truth, mask))
    assert scores["f1_half"] == pytest.approx(f1_score(truth, mask > 0.5))
    assert scores["iou_half"] == pytest.approx(jaccard_score(truth, mask > 0.5))
    assert scores["mcc_half"] == pytest.approx(matthews_corrcoef(truth, mask > 0.5))
    assert scores["f1_best"] == pytest.approx(best(truth, mask))
    assert scores["f1_eer"] <= scores["f1_best"]


def test_permuted_takes_the_better_of_the_mask_and_its_opposite() -> None:
    plain, turned = pixel_scores(MASK, TRUTH), pixel_scores(1 - MASK, TRUTH)
    assert plain["pixel_auc"] > 0.7 > 0.3 > turned["pixel_auc"]
    for name in ("pixel_auc", "f1_best", "f1_half"):
        expected = max(plain[name], turned[name])
        assert plain[f"{name}_permuted"] == pytest.approx(expected)
        assert turned[f"{name}_permuted"] == pytest.approx(expected)


def test_borders_are_ignored() -> None:
    # Right everywhere but in a band of four pixels on either side of the border.
    band = np.zeros_like(TRUTH)
    band[11:49, 16:64] = True
    band[19:41, 24:56] = False
    wrong = np.where(band, ~TRUTH, TRUTH).astype(np.float32)
    scores = pixel_scores(wrong, TRUTH)
    assert scores["f1_half"] < 0.7
    for name in ("pixel_auc", "f1_best", "f1_half"):
        assert scores[f"{name}_borders"] == 1
    turned = pixel_scores(1 - wrong, TRUTH)
    assert turned["f1_half_borders"] == 0
    assert turned["f1_half_borders_permuted"] == turned["f1_best_borders_permuted"] == 1


def test_what_is_not_defined_is_nan() -> None:
    assert all(np.isnan(value) for value in pixel_scores(MASK, None).values())
    everywhere = pixel_scores(MASK, np.ones_like(TRUTH))
    assert {name for name, value in everywhere.items() if np.isnan(value)} >= {"pixel_auc", "f1_best", "f1_eer"}
    small = np.zeros_like(TRUTH)
    small[3:5, 3:5] = True  # nothing of it is deeper inside than its border is wide
    assert np.isnan(pixel_scores(MASK, small)["f1_half_borders"])
    constant = pixel_scores(np.zeros_like(MASK), TRUTH)
    assert (constant["pixel_auc"], constant["f1_half"], constant["mcc_half"]) == (0.5, 0, 0)


def test_a_sparse_histogram_is_the_histogram() -> None:
    places, numbers = sparse(MASK, TRUTH)
    dense = np.zeros(2 * BINS, np.int64)
    dense[places] = numbers
    assert (dense.reshape(2, BINS) == histogram(MASK, TRUTH)).all()
    assert [part.size for part in sparse(MASK, None)] == [0, 0]


def test_written_rows_are_read_back(row: Callable[..., Row], tmp_path: Path) -> None:
    rows = [row("a", "splicing", 0.75, 0.5), row("b", condition="noise-3")]
    write_rows(rows, tmp_path / "new" / "scores.parquet")
    read = read_rows(tmp_path / "new" / "scores.parquet")
    for one, again in zip(rows, read, strict=True):
        assert again.plain() == pytest.approx(one.plain(), nan_ok=True) or str(again.plain()) == str(one.plain())
        assert all((a == b).all() for a, b in zip(again.histogram, one.histogram, strict=True))
    write_rows(rows, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["id"] for line in lines] == ["a", "b"]
    assert float(lines[0]["f1_half_permuted"]) == 0.5
    assert {path.name for path in tmp_path.iterdir()} == {"new", "scores.csv"}


def test_a_file_that_holds_no_rows(row: Callable[..., Row], tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    whole = rows_to_parquet([row("a", "splicing")])
    table = pq.read_table(pa.BufferReader(whole))
    column = table.column_names.index("width")
    others = [
        table.drop_columns(["histogram_places"]),
        table.set_column(column, "width", pa.array(["wide"])),
        table.set_column(column, "width", pa.array([None], pa.int64())),
    ]
    contents = [b"words", b"", whole[:-20], whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :]]
    for other in others:
        sink = io.BytesIO()
        pq.write_table(other, sink)
        contents.append(sink.getvalue())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"scores\.parquet: not the scores of an evaluation, or damaged;"):
            read_rows(path)
    with pytest.raises(MissingFileError, match=r"none\.parquet"):
        read_rows(tmp_path / "none.parquet")


def test_no_rows_are_rows_too(tmp_path: Path) -> None:
    write_rows([], tmp_path / "scores.parquet")
    assert read_rows(tmp_path / "scores.parquet") == []


def test_rows_that_cannot_be_written_leave_nothing(row: Callable[..., Row], tmp_path: Path) -> None:
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(WriteError, match="taken"):
        write_rows([row()], tmp_path / "taken.csv")
    assert not list(tmp_path.glob(".taken*"))
