"""Figures that others published, marked wherever they stand beside measured ones."""

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import TypedDict

import yaml

from psccnet.evaluation.reporting.table import Cell, Table

NO_CODE = "J-LSTM, H-LSTM and RGB-N have published figures only."
MARK = "published"
"""In the name of every row that was not measured here."""
PAPER = "PSCC-Net paper"
"""Begins the source of the paper's own figures."""


class Figure(TypedDict):
    """One published figure; `value` in percent, a text where it is no single number, a share where it is of time."""

    table: str
    method: str
    set: str
    metric: str
    value: float | str
    protocol: str
    source: str


@cache
def figures() -> tuple[Figure, ...]:
    """All published figures, in the order of their file."""
    text = (files("psccnet.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text))


def published(number: str) -> Table:
    """The published figures that go with a table of the paper ("II" .. "VII"), each with its protocol and source."""
    rows: list[list[str | Cell]] = [
        [figure["method"], figure["set"], figure["metric"], str(figure["value"]), figure["protocol"], figure["source"]]
        for figure in figures()
        if figure["table"] == number
    ]
    columns = ["Method", "Set", "Metric", "Published, %", "Protocol", "Source"]
    notes = [NO_CODE] if number == "III" else []
    return Table(
        f"table-{number}-published", f"Published beside Table {number}, not measured here", columns, rows, notes
    )


def add_published(table: Table, number: str, columns: Mapping[tuple[str, str], int]) -> None:
    """Add a row to a measured table for each method with published figures of the same sets and metrics.

    The row's name says that it is published and where its source stands among the notes.

    Args:
        table: gets the rows and notes; its first column is of names.
        number: of the paper's table.
        columns: (set, metric as in published.yaml) -> the place of its column.
    """
    sources: dict[str, int] = {}
    rows: dict[tuple[str, int], list[str | Cell]] = {}
    ranges = []
    for figure in figures():
        place = columns.get((figure["set"], figure["metric"]))
        if figure["table"] != number or place is None:
            continue
        if isinstance(figure["value"], str):
            about = f"{figure['method']} on {figure['set']}, {figure['metric']}: {figure['value']} %"
            ranges.append(f"({MARK}): {about}; {source_of(figure)}.")
            continue
        source = sources.setdefault(source_of(figure), len(sources) + 1)
        row = rows.setdefault((figure["method"], source), [Cell(float("nan"))] * len(table.columns))
        row[0] = marked(figure["method"], source)
        row[place] = Cell(share(figure))
    table.rows += rows.values()
    table.notes += notes_on(sources) + ranges


def share(figure: Figure) -> float:
    """The value, 0..1; NaN where it is no single number.

    Examples:
        >>> share({"value": 82.5}), share({"value": "65-68"})
        (0.825, nan)
    """
    value = figure["value"]
    return float("nan") if isinstance(value, str) else value / 100


def marked(method: str, source: int) -> str:
    """The name of a published row; the number stands among the notes.

    Examples:
        >>> marked("SPAN", 1)
        'SPAN (published 1)'
    """
    return f"{method} ({MARK} {source})"


def source_of(figure: Figure) -> str:
    """Where a figure was published, and under which protocol."""
    return f"{figure['source']}; {figure['protocol']}"


def notes_on(sources: Mapping[str, int]) -> list[str]:
    """A note for each source of published rows."""
    return [
        f"({MARK} {number}): not measured here, no interval, whole sets; {source}."
        for source, number in sources.items()
    ]


def missing_sets(number: str, measured: Collection[str]) -> list[str]:
    """The sets that the paper has in a table and that were not measured."""
    wanted = dict.fromkeys(
        figure["set"] for figure in figures() if figure["table"] == number and figure["source"].startswith(PAPER)
    )
    return [name for name in wanted if name not in measured and name != "all"]
