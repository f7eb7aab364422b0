"""One row a picture, condition and comparator: all that tables are computed from, in Parquet or CSV."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from psccnet.errors import InputError
from psccnet.metrics import (
    Counts,
    auc_of,
    best_f1,
    count,
    equal_error,
    f1,
    f1_at,
    histogram,
    iou,
    mcc,
    off_borders,
)
from psccnet.pictures.sample import Mask
from psccnet.pictures.whole_files import make_folder, reading, write_whole

PIXEL_SCORES = {
    "pixel_auc": "pixel AUC",
    "f1_eer": "F1 at the picture's EER threshold",
    "f1_best": "F1 at the picture's best threshold",
    "f1_half": "F1 at 0.5",
    "iou_half": "IoU at 0.5",
    "mcc_half": "MCC at 0.5",
    "pixel_auc_permuted": "pixel AUC, permuted",
    "f1_best_permuted": "F1 at the best threshold, permuted",
    "f1_half_permuted": "F1 at 0.5, permuted",
    "pixel_auc_borders": "pixel AUC, borders ignored",
    "f1_best_borders": "F1 at the best threshold, borders ignored",
    "f1_half_borders": "F1 at 0.5, borders ignored",
    "f1_best_borders_permuted": "F1 at the best threshold, borders ignored, permuted",
    "f1_half_borders_permuted": "F1 at 0.5, borders ignored, permuted",
}
"""Scores of one mask against its truth. "Permuted": of the mask or of 1 - mask, whichever is better; "borders
ignored": see `off_borders`; these are TruFor's. Never compare one column with another paper's differently named one."""


Sparse = tuple[NDArray[np.int32], NDArray[np.int32]]
"""A histogram (2, BINS) that is mostly zero: the places in its flattened form that are not, and what stands there."""


@dataclass(frozen=True)
class Row:
    """Scores of one picture under one condition; NaN where a score is not defined for it.

    Attributes:
        id: the picture, in its set.
        set: the data set.
        manipulation: its class.
        comparator: what looked at it.
        condition: what was done to it before.
        sha256: of the picture's file.
        truth_sha256: of the files of its masks, one after the other; "" for pristine pictures.
        encoding: format of the file, for JPEG with subsampling and estimated quality.
        width: of the picture as it was looked at, pixels.
        height: of the same.
        score: detection score, 0..1.
        mask_mean: mean of the mask, 0..1 (the paper's PSCC-Net-dagger detection score).
        mask_max: maximum of the mask, 0..1.
        seconds: that the comparator took.
        forged_fraction: true share of forged pixels, 0..1.
        pixels: name -> value of `PIXEL_SCORES`; all NaN for pristine pictures, AUC and the like also for such as are
            forged all over.
        histogram: pixels by score, as `sparse` has them; empty for pristine pictures.
    """

    id: str
    set: str
    manipulation: str
    comparator: str
    condition: str
    sha256: str
    truth_sha256: str
    encoding: str
    width: int
    height: int
    score: float
    mask_mean: float
    mask_max: float
    seconds: float
    forged_fraction: float
    pixels: dict[str, float]
    histogram: Sparse

    @property
    def forged(self) -> bool:
        """Whether the picture was manipulated."""
        return self.manipulation != "pristine"

    @property
    def format(self) -> str:
        """Of the file, such as JPEG or TIFF."""
        return self.encoding.partition(" ")[0]

    def plain(self) -> dict[str, str | int | float]:
        """All but the histogram, one value a column."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        return columns | self.pixels


_HISTOGRAM = ("histogram_places", "histogram_numbers")
COLUMNS = tuple(name for name in Row.__dataclass_fields__ if name not in ("pixels", "histogram"))
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64()}
_SCHEMA = pa.schema(
    [(name, _ARROW[Row.__annotations__[name]]) for name in COLUMNS]
    + [(name, pa.float64()) for name in PIXEL_SCORES]
    + [(name, pa.list_(pa.int32())) for name in _HISTOGRAM]
)


def pixel_scores(mask: NDArray[np.float32], truth: Mask | None) -> dict[str, float]:
    """The scores of `PIXEL_SCORES` of a mask (H, W) in 0..1 against its truth, all NaN where there is none.

    Examples:
        >>> truth = np.zeros((60, 60), bool)
        >>> truth[20:40, 20:40] = True
        >>> scores = pixel_scores(truth.astype(np.float32), truth)
        >>> scores["pixel_auc"], scores["f1_half"]
        (1.0, 1.0)
        >>> pixel_scores(np.zeros((60, 60), np.float32), None)["pixel_auc"]
        nan
    """
    if truth is None:
        return dict.fromkeys(PIXEL_SCORES, float("nan"))
    counts, half = count(mask, truth), mask > 0.5
    plain = _ranked(counts) | {"f1_half": f1(half, truth)}
    scores = plain | {"f1_eer": f1_at(counts, equal_error(counts)[1])}
    scores |= {"iou_half": iou(half, truth), "mcc_half": mcc(half, truth)}
    turned = _ranked(counts.turned()) | {"f1_half": f1(~half, truth)}
    scores |= {f"{name}_permuted": max(value, turned[name]) for name, value in plain.items()}
    kept = off_borders(truth)
    inner, label = mask[kept], truth[kept]
    counts = count(inner, label)
    borders = _ranked(counts) | {"f1_half": f1(inner > 0.5, label) if label.any() else float("nan")}
    turned = _ranked(counts.turned()) | {"f1_half": f1(~(inner > 0.5), label)}
    scores |= {f"{name}_borders": value for name, value in borders.items()}
    scores |= {f"{name}_borders_permuted": max(borders[name], turned[name]) for name in ("f1_best", "f1_half")}
    return {name: scores[name] for name in PIXEL_SCORES}


def _ranked(counts: Counts) -> dict[str, float]:
    """AUC and best F1, NaN where a class is empty."""
    return {"pixel_auc": auc_of(counts), "f1_best": float("nan") if counts.degenerate else best_f1(counts)}


def sparse(mask: NDArray[np.float32], truth: Mask | None) -> Sparse:
    """`histogram` of a forged picture's pixels, empty for a pristine one.

    Examples:
        >>> truth = np.array([[False, True]])
        >>> places, numbers = sparse(np.array([[0.5, 0.5]], np.float32), truth)
        >>> places.size, numbers.tolist()
        (2, [1, 1])
    """
    if truth is None:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    flat = histogram(mask, truth).ravel()
    places = np.flatnonzero(flat)
    return places.astype(np.int32), flat[places].astype(np.int32)


def rows_to_parquet(rows: list[Row]) -> bytes:
    """A Parquet file of rows, a column each, and two lists for the histogram."""
    columns: dict[str, object] = {name: [row.plain()[name] for row in rows] for name in (*COLUMNS, *PIXEL_SCORES)}
    for number, name in enumerate(_HISTOGRAM):
        columns[name] = [row.histogram[number] for row in rows]
    table = pa.table(columns, _SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def read_rows(path: Path) -> list[Row]:
    """Read the rows that `rows_to_parquet` wrote.

    Raises:
        InputError: if the file is none of those; the message names it.
        MissingFileError: if there is no such file.
    """
    with reading(path):
        data = path.read_bytes()
    wrong = f"{path}: not the scores of an evaluation, or damaged; delete it and evaluate again."
    try:
        table = pq.read_table(pa.BufferReader(data))
        table = table.select(_SCHEMA.names).cast(_SCHEMA).combine_chunks()
        plain = table.drop_columns(list(_HISTOGRAM)).to_pylist()
    # Of Arrow alone: KeyError for a column that is missing, OSError and ValueError for bytes that make no sense.
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise InputError(wrong) from error
    if any(column.null_count for column in table.columns):
        raise InputError(wrong)
    histograms = zip(*(_arrays(table[name]) for name in _HISTOGRAM), strict=True)
    return [_row(values, histogram) for values, histogram in zip(plain, histograms, strict=True)]


def _arrays(column: "pa.ChunkedArray") -> list[NDArray[np.int32]]:
    """The lists of a column as arrays; as Python's numbers they would take forty times as much."""
    return [np.asarray(values.values, np.int32) for values in column]


def _row(values: dict[str, object], histogram: Sparse) -> Row:
    pixels = {name: float(values.pop(name)) for name in PIXEL_SCORES}  # type: ignore[arg-type]
    return Row(**values, pixels=pixels, histogram=histogram)  # type: ignore[arg-type]


def write_rows(rows: list[Row], path: Path) -> None:
    """Write rows whole or not at all: Parquet where the name ends so, otherwise CSV without the histograms."""
    make_folder(path.parent)
    if path.suffix == ".parquet":
        content = rows_to_parquet(rows)
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, [*COLUMNS, *PIXEL_SCORES])
        writer.writeheader()
        writer.writerows(row.plain() for row in rows)
        content = text.getvalue().encode()
    write_whole({path: content})
