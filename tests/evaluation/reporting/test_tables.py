import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from psccnet.evaluation.file_formats import by_encoding, matched
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.published import published
from psccnet.evaluation.reporting.table import Cell, Table, plain_name, write_tables
from psccnet.evaluation.reporting.tables import TABLES, Measured
from psccnet.evaluation.rows import Row
from psccnet.metrics import auc

Make = Callable[..., Row]


def measured(row: Make, protocol: str, comparators: dict[str, float]) -> Measured:
    """Two sets of three forged and three pristine pictures, scored a little worse under each further condition."""
    conditions = PROTOCOLS[protocol].conditions
    rows: dict[tuple[str, str, str], list[Row]] = {}
    for of in ("one", "two"):
        for comparator in comparators:
            for number, condition in enumerate(conditions):
                value = 0.9 - 0.05 * number - 0.1 * (of == "two")
                rows[of, comparator, condition.name] = [
                    row(
                        f"{kind}{i}",
                        kind,
                        0.5 + 0.1 * i + 0.05 * (kind == "splicing"),
                        math.nan if kind == "pristine" else value,
                        of=of,
                        comparator=comparator,
                        condition=condition.name,
                        encoding="TIFF" if kind == "splicing" and i else "JPEG 4:2:0 q90",
                        seconds=condition.exit_scale**-0.5,
                    )
                    for kind in ("pristine", "splicing")
                    for i in range(3)
                ]
    return Measured(["one", "two"], comparators, conditions, rows)


PAPER = [number for number in TABLES if number.isupper()]
NETWORK = {"net": 0.6, "centre": math.nan}


@pytest.mark.parametrize("number", TABLES)
def test_each_table_is_made_and_written(row: Make, number: str, tmp_path: Path) -> None:
    protocol, make = TABLES[number]
    tables = make(measured(row, protocol, NETWORK))
    files = write_tables(tables, tmp_path, f"table-{number}")
    assert set(files) == set(tmp_path.iterdir())
    assert len(files) == 2 + 2 * len(tables)
    text = (tmp_path / f"table-{number}.md").read_text()
    for table in tables:
        assert all(len(line) == len(table.columns) for line in table.rows)
        assert table.title in text
        assert pq.read_table(tmp_path / f"{table.name}.parquet").num_rows == len(table.rows)


def cells(table: Table, first: str) -> dict[str, Cell | str]:
    line = next(line for line in table.rows if line[0] == first)
    return dict(zip(table.columns, line, strict=True))


def test_localization(row: Make) -> None:
    mean, pooled = TABLES["II"][1](measured(row, "pretrained", NETWORK))
    assert cells(mean, "net")["one"].value == pytest.approx(0.9)
    assert cells(mean, "net")["two"].value == pytest.approx(0.8)
    # Two of three forged pixels are above the pristine ones' 0.5 (0.55 too), in all pictures.
    assert cells(pooled, "centre")["one"].value == 1
    finetuned = TABLES["III"][1](measured(row, "finetuned", NETWORK))[0]
    assert mean.notes[0] == "Forged pictures: one 3, two 3."
    assert finetuned.columns == ["Method", "one AUC", "one F1", "two AUC", "two F1"]


def test_detection_stands_beside_what_the_format_tells(row: Make) -> None:
    tables = TABLES["IV"][1](measured(row, "native", NETWORK))
    every, subset = tables[:2]
    assert [line[0] for line in every.rows] == ["net", "net†", "centre", "file format", "format, JPEG settings"]
    rows = measured(row, "native", NETWORK).rows["one", "net", ""]
    expected = auc([one.score for one in rows], [one.forged for one in rows])
    assert cells(every, "net")["AUC"].value == cells(every, "net†")["AUC"].value == pytest.approx(expected)
    assert "2 pictures, 1 forged" in subset.notes[0]


def test_early_exit_has_its_runtime(row: Make) -> None:
    (table,) = TABLES["V"][1](measured(row, "exit-scales", NETWORK))
    assert [line[0] for line in table.rows[:4]] == ["net, Mask 4", "net, Mask 3", "net, Mask 2", "net, Mask 1"]
    assert cells(table, "net, Mask 4")["Runtime"].value == pytest.approx(0.5)
    assert cells(table, "net, Mask 1")["Runtime"].value == 1


def test_robustness_has_a_column_or_a_row_a_distortion(row: Make) -> None:
    localization = TABLES["VI"][1](measured(row, "robustness", NETWORK))[0]
    assert localization.columns[1] == "Resize 0.78x"
    assert localization.columns[-2:] == ["Mixed", "w/o distortion"]
    assert cells(localization, "net")["w/o distortion"].value == pytest.approx(0.9 - 0.05 * 9)
    robust = TABLES["VII"][1](measured(row, "robustness", NETWORK))[0]
    assert robust.columns == ["Distortion", "net AUC", "net F1", "centre AUC", "centre F1"]
    assert len(robust.rows) == 10


def test_what_was_not_measured_is_a_dash(row: Make) -> None:
    part = measured(row, "pretrained", NETWORK)
    del part.rows["two", "centre", ""]
    table = TABLES["II"][1](part)[0]
    assert "| centre | 90.0 | - |" in table.markdown()


def test_figures_beside_each_other_are_of_the_same_pictures(row: Make) -> None:
    part = measured(row, "pretrained", NETWORK)
    part.rows["two", "centre", ""].pop(3)
    assert part.keep_common() == ["two: splicing0 was not measured by all; left out for all"]
    assert [one.id for one in part.rows["two", "net", ""]] == [one.id for one in part.rows["two", "centre", ""]]
    assert len(part.rows["two", "net", ""]) == 5
    assert len(part.rows["one", "net", ""]) == 6
    assert part.keep_common() == []


def test_names_of_files_are_plain() -> None:
    assert plain_name("w/o CA+SA ../x") == "w-o-CA-SA-..-x"
    assert plain_name("///") == "-"


TABLE = Table(
    "small", "A_title & more", ["Method", "Score"], [["a|b", Cell(0.5, 0.4, 0.625)], ["c†", Cell(math.nan)]], ["5 %."]
)


def test_forms() -> None:
    assert TABLE.markdown().splitlines()[2:6] == [
        "| Method | Score |",
        "|---|---:|",
        "| a\\|b | 50.0 [40.0–62.5] |",
        "| c† | - |",
    ]
    latex = TABLE.latex()
    assert r"\caption{A\_title \& more. 5 \%.}" in latex
    assert r"c$\dagger$ & - \\" in latex
    assert r"\begin{tabular}{lr}" in latex
    first = next(csv.DictReader(io.StringIO(TABLE.csv())))
    assert first == {"Method": "a|b", "Score": "0.5", "Score low": "0.4", "Score high": "0.625"}
    assert Cell(0.63, percent=False).text() == "0.63"


def test_encoding_alone(row: Make) -> None:
    kinds = ["splicing" if i % 2 else "pristine" for i in range(100)]
    telling = [row(str(i), kind, encoding=kind) for i, kind in enumerate(kinds)]
    scored = by_encoding(telling, lambda row: row.format)
    assert auc([one.score for one in scored], [one.forged for one in scored]) == 1
    assert min(one.score for one in scored if one.forged) > 0.97
    # One kind for all, or one for each, tells nothing: no picture knows its own answer.
    for encoding in ("JPEG", "JPEG q{}"):
        same = [row(str(i), kind, encoding=encoding.format(i)) for i, kind in enumerate(kinds)]
        ranked = by_encoding(same, lambda row: row.encoding)
        assert auc([one.score for one in ranked], [one.forged for one in ranked]) == 0.5


def test_subset_in_which_formats_tell_nothing(row: Make) -> None:
    rows = [row(str(i), "splicing" if i < 6 else "pristine", encoding="TIFF" if i < 4 else "PNG") for i in range(12)]
    kept = matched(rows, lambda row: row.format)
    assert sum(one.forged for one in kept) == sum(not one.forged for one in kept) == 2
    assert matched(list(reversed(rows)), lambda row: row.format)[0].id in {one.id for one in kept}


@pytest.mark.parametrize("number", PAPER)
def test_published_figures_have_a_source_each(number: str) -> None:
    table = published(number)
    assert len(table.rows) >= 10
    assert all(len(line) == 6 and all(line) for line in table.rows)
    # Figures that others measured are words here: nothing computes with them, or takes them for ours.
    assert all(isinstance(value, str) for line in table.rows for value in line)


def test_published_figures_are_the_papers() -> None:
    lines = [tuple(line[:4]) for line in published("II").rows]
    assert ("PSCC-Net", "coverage", "pixel AUC", "84.7") in lines
    assert ("TPR at 1 %", "95.65") in [(line[2], line[3]) for line in published("IV").rows]
    assert sum(line[0] == "w/o FS" for line in published("V").rows) == 9
    assert len([line for line in published("VI").rows if "paper" in line[5]]) == 60
