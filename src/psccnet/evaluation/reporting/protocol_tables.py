"""Tables under the protocols of other papers, each with what differs from this paper's."""

from collections.abc import Callable

from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.measured import Measured
from psccnet.evaluation.reporting.published import figures, marked, notes_on, share, source_of
from psccnet.evaluation.reporting.table import Cell, Table
from psccnet.evaluation.summary import SCORES

PUBLISHED = {"imdlbenco": "protocol MVSS", "cat-net": "protocol CAT)", "trufor": "TruFor's"}
"""Our protocol -> what the protocol of a published figure says where it may stand in its table."""
METRICS = {
    "f1_half": "F1 at 0.5, mean over pictures",
    "f1_best_borders_permuted": "F1 at the best threshold, borders ignored, permuted",
    "f1_half_borders_permuted": "F1 at 0.5, borders ignored, permuted",
    "image_auc": "image AUC",
}
"""Our scores -> the metric as it was published."""


def protocol_table(protocol: str) -> Callable[[Measured], list[Table]]:
    """What makes the table of a named protocol of the rows of the protocol "native"."""
    return lambda measured: [_table(protocol, measured)]


def _table(protocol: str, measured: Measured) -> Table:
    scores = PROTOCOLS[protocol].scores
    columns = ["Method", "Set", "Forged", "Pristine", *(SCORES[score] for score in scores)]
    rows: list[list[str | Cell]] = []
    vanished = {}
    for set_name in measured.sets:
        for comparator in measured.comparators:
            found = measured.rows.get((set_name, comparator, ""), [])
            if not found:
                continue
            forged = [row for row in found if row.forged]
            cells = measured.cells(set_name, comparator, scores)
            rows.append([comparator, set_name, str(len(forged)), str(len(found) - len(forged)), *cells])
            # NaN is the one number that is not equal to itself.
            pixel = [score for score in scores if forged and score in forged[0].pixels]
            missing = {row.id for row in forged for score in pixel if row.pixels[score] != row.pixels[score]}
            if missing:
                vanished[set_name] = len(missing)
    notes = [
        "Percent, with 95 % bootstrap intervals over pictures in brackets where there are ten or more of each class"
        " that a score needs.",
        *PROTOCOLS[protocol].notes,
    ]
    if vanished:
        counts = ", ".join(f"{name} {count}" for name, count in vanished.items())
        notes.append(f"Forged pictures left out of a mean because nothing of their region remained: {counts}.")
    table = Table(f"protocol-{protocol}", PROTOCOLS[protocol].text, columns, rows, notes)
    _add_published(table, protocol, measured)
    return table


def _add_published(table: Table, protocol: str, measured: Measured) -> None:
    places = {METRICS[score]: 4 + at for at, score in enumerate(PROTOCOLS[protocol].scores) if score in METRICS}
    sources: dict[str, int] = {}
    rows: dict[tuple[str, str, int], list[str | Cell]] = {}
    for figure in figures():
        is_shown = figure["set"] in measured.sets or figure["set"].startswith("mean")
        if not (is_shown and PUBLISHED[protocol] in figure["protocol"] and figure["metric"] in places):
            continue
        source = sources.setdefault(source_of(figure), len(sources) + 1)
        key = (figure["method"], figure["set"], source)
        blank = [Cell(float("nan"))] * len(PROTOCOLS[protocol].scores)
        row = rows.setdefault(key, [marked(figure["method"], source), figure["set"], "-", "-", *blank])
        row[places[figure["metric"]]] = Cell(share(figure))
    table.rows += rows.values()
    table.notes += notes_on(sources)
