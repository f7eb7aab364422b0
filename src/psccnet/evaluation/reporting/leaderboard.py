"""One page of all methods over all sets: a table that sorts, a plot with intervals, in a file that needs no other."""

import html
import json
import math
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from psccnet.evaluation.reporting.measured import Measured
from psccnet.evaluation.reporting.published import figures, share, source_of
from psccnet.evaluation.summary import SCORES, scores_of

SHOWN = ("pixel_auc", "f1_half", "f1_best", "iou_half", "image_auc", "tpr_5", "balanced_accuracy_half")
"""The scores that a reader may choose from, the first one at the start."""
METRICS = {
    "pixel AUC": "pixel_auc",
    "F1 at 0.5, mean over pictures": "f1_half",
    "image AUC": "image_auc",
}
"""Metric as it was published -> our score."""
TABLES = ("II", "IV")
"""Of which published figures are of pictures as they are."""


def leaderboard(measured: Measured) -> str:
    """The page.

    Args:
        measured: rows of the protocol "native".

    Returns:
        HTML that loads nothing else. All text and numbers are in it as JSON; a script draws them.
    """
    data = {
        "made": datetime.now(UTC).date().isoformat(),
        "provenance": " ".join(measured.provenance()),
        "scores": {name: SCORES[name] for name in SHOWN},
        "sets": [{"name": name, **_pictures(measured, name)} for name in measured.sets],
        "methods": [*_measured(measured), *_published(measured)],
    }
    text = (files("psccnet.evaluation.reporting") / "leaderboard.html").read_text(encoding="utf-8")
    # "</script>" in a name would end the script that holds the data.
    filled = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return text.replace("{{data}}", filled).replace("{{provenance}}", html.escape(str(data["provenance"])))


def _pictures(measured: Measured, set_name: str) -> dict[str, int]:
    every = {row.id: row.forged for (name, _, _), rows in measured.rows.items() if name == set_name for row in rows}
    return {"forged": sum(every.values()), "pristine": len(every) - sum(every.values())}


def _measured(measured: Measured) -> list[dict[str, Any]]:
    methods = []
    for method, threshold in measured.comparators.items():
        cells: dict[str, dict[str, list[float | None]]] = {}
        for set_name in measured.sets:
            rows = measured.rows.get((set_name, method, ""), [])
            found = scores_of(rows, SHOWN, threshold) if rows else {}
            cells[set_name] = {name: _plain(*ends) for name, ends in found.items() if not math.isnan(ends[0])}
        versions = dict.fromkeys(source.version for source in measured.sources if source.comparator == method)
        methods.append({"name": method, "published": False, "source": " and ".join(versions), "cells": cells})
    return methods


def _published(measured: Measured) -> list[dict[str, Any]]:
    methods: dict[tuple[str, str], dict[str, Any]] = {}
    for figure in figures():
        is_shown = figure["table"] in TABLES and figure["metric"] in METRICS and figure["set"] in measured.sets
        if not is_shown or math.isnan(share(figure)):
            continue
        blank = {"name": figure["method"], "published": True, "source": source_of(figure), "cells": {}}
        method = methods.setdefault((figure["method"], source_of(figure)), blank)
        cells = method["cells"].setdefault(figure["set"], {})
        cells[METRICS[figure["metric"]]] = _plain(share(figure), math.nan, math.nan)
    return list(methods.values())


def _plain(*numbers: float) -> list[float | None]:
    """Value and the ends of its interval, None for NaN."""
    return [None if math.isnan(number) else round(number, 4) for number in numbers]
