"""docs/results.md shows the figures that are stored beside it."""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from psccnet.evaluation.reporting.marked_parts import part_of
from psccnet.evaluation.reporting.table import Cell
from psccnet.evaluation.reporting.tables import TABLES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "results.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not part of an installed package")


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The columns and rows of each Markdown table."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [line.strip("| \n").split(" | ") for line in block.strip().splitlines()]
        yield lines[0], lines[2:]


def stored() -> dict[tuple[str, ...], list[list[str]]]:
    """Columns with every first column -> rows of a CSV as Markdown shows them."""
    found = {}
    for path in sorted((DOCS / "results").glob("*.csv")):
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        columns = [name for name in lines[0] if not name.endswith((" low", " high"))]
        rows = [[shown(line, name) for name in columns] for line in lines]
        found[path.stem, *columns] = rows
    return found


def shown(line: dict[str, str], column: str) -> str:
    try:
        numbers = [float(line.get(column + end) or "nan") for end in ("", " low", " high")]
    except ValueError:
        return line[column]
    if column in ("Forged", "Pristine"):
        return line[column]
    return Cell(*numbers, percent=column != "Runtime").text()


def test_every_number_is_that_of_its_file() -> None:
    text = PAGE.read_text(encoding="utf-8")
    known = [(key[1:], rows) for key, rows in stored().items()]
    compared = 0
    for number in TABLES:
        part = part_of(text, number)
        assert part, f"table {number} is empty: psccnet table all --markdown docs/results.md writes it"
        for columns, rows in tables(part):
            assert (tuple(columns), rows) in known, f"table {number}: {rows[0]} is not as stored in docs/results"
            compared += sum(len(row) for row in rows)
        if "| " in part:
            assert re.search(r"Measured 20\d\d-\d\d-\d\d.* on .*default [0-9a-f]{12}", part), number
    assert compared > 100


def test_the_page_of_all_methods_has_the_same_figures() -> None:
    page = (DOCS / "leaderboard.html").read_text(encoding="utf-8")
    rows = next(rows for key, rows in stored().items() if key[0] == "table-II")
    columns = next(key[1:] for key in stored() if key[0] == "table-II")
    value = next(row for row in rows if row[0] == "default")[columns.index("casia1")]
    first = re.search(r'"name": "default".*?"casia1": \{"pixel_auc": \[([0-9.]+)', page)
    assert first is not None
    assert math.isclose(float(first[1]) * 100, float(value.split()[0]), abs_tol=0.06)
