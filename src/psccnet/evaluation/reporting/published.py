"""Figures that others published, kept apart from measured ones."""

from importlib.resources import files

import yaml

from psccnet.evaluation.reporting.table import Table

NO_CODE = "J-LSTM, H-LSTM and RGB-N have published figures only."


def published(number: str) -> Table:
    """The published figures that go with a table of the paper ("II" .. "VII"), each with its protocol and source."""
    entries = yaml.safe_load((files("psccnet.evaluation") / "published.yaml").read_text(encoding="utf-8"))
    rows = [
        [one["method"], one["set"], one["metric"], str(one["value"]), one["protocol"], one["source"]]
        for one in entries
        if one["table"] == number
    ]
    columns = ["Method", "Set", "Metric", "Published, %", "Protocol", "Source"]
    notes = [NO_CODE] if number == "III" else []
    return Table(
        f"table-{number}-published", f"Published beside Table {number}, not measured here", columns, rows, notes
    )
