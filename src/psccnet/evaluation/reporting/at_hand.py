"""Every table of the paper from the runs that are at hand."""

import math
from dataclasses import dataclass

from psccnet.errors import InputError
from psccnet.evaluation.protocol import PROTOCOLS
from psccnet.evaluation.reporting.measured import Measured
from psccnet.evaluation.reporting.published import missing_sets
from psccnet.evaluation.reporting.table import Table
from psccnet.evaluation.reporting.tables import TABLES
from psccnet.evaluation.rows import Row
from psccnet.evaluation.stored_runs import StoredRun


@dataclass(frozen=True)
class Part:
    """One table of the paper, or why there is none.

    Attributes:
        number: of the table, or the name of a protocol: a key of `TABLES`.
        tables: what it consists of; empty where it is left out.
        left_out: why, one sentence; empty where it is not.
    """

    number: str
    tables: list[Table]
    left_out: str = ""

    @property
    def title(self) -> str:
        """As people call it."""
        return f"Table {self.number}" if self.number.isupper() else f"Protocol {self.number}"


def made(number: str, measured: Measured) -> list[Table]:
    """The tables of a number, each with its provenance and with the paper's sets that were not measured.

    Raises:
        InputError: if no set has what the table needs.
    """
    tables = TABLES[number][1](measured)
    if not tables:
        raise InputError(
            f"table {number} needs forged and pristine pictures of a set; {', '.join(measured.sets)} lack one"
        )
    missing = missing_sets(number, measured.sets)
    notes = [f"Sets of the paper that are not at hand: {', '.join(missing)}."] if missing else []
    for table in tables:
        table.notes += notes + measured.provenance()
    return tables


def every_table(runs: list[StoredRun]) -> tuple[list[Part], list[str]]:
    """All tables, from whole runs.

    Args:
        runs: of any protocols, sets and methods.

    Returns:
        A part for each of `TABLES`, and a sentence for whatever was left out of them.
    """
    parts: list[Part] = []
    sentences: list[str] = []
    for number, (protocol, _) in TABLES.items():
        measured, left_out = assemble(runs, protocol)
        sentences += left_out
        try:
            if not measured.sets:
                wanted = missing_sets(number, ())
                needed = f" Sets of the paper: {', '.join(wanted)}." if wanted else ""
                raise InputError(f"no run under the protocol {protocol} is at hand.{needed}")
            parts.append(Part(number, made(number, measured)))
        except InputError as error:
            parts.append(Part(number, [], str(error)))
    return parts, list(dict.fromkeys(sentences))


def assemble(runs: list[StoredRun], protocol: str) -> tuple[Measured, list[str]]:
    """The rows of one protocol, all methods on the same pictures of a set.

    Of several runs of a set and method the newest counts, of the same day the one of most pictures.

    Forged pictures at their native size are those of "pretrained" and of "native" alike: for Table II the runs of
    "native" count, too.

    Args:
        runs: of any protocols.
        protocol: its name.

    Returns:
        The rows, and a sentence for each run that an other one replaces and each set that lost pictures.
    """
    left_out: list[str] = []
    chosen: dict[tuple[str, str], tuple[tuple[bool, str, int], StoredRun, list[Row]]] = {}
    for run in runs:
        is_same = run.protocol == protocol
        if not is_same and (run.protocol, protocol) != ("native", "pretrained"):
            continue
        for set_name, rows in _by_set(run).items():
            kept = rows if is_same else [row for row in rows if row.forged]
            if not kept:
                continue
            key, age = (set_name, run.source.comparator), (is_same, run.source.date, len(kept))
            if key in chosen:
                older = min((chosen[key], (age, run, kept)), key=lambda candidate: candidate[0])
                if is_same == chosen[key][0][0]:
                    left_out.append(f"{older[1].folder}, {set_name}: another run of {run.source.comparator} counts")
                if older[1] is run:
                    continue
            chosen[key] = (age, run, kept)
    sets = list(dict.fromkeys(set_name for set_name, _ in chosen))
    thresholds = {run.source.comparator: run.threshold for _, run, _ in chosen.values()}
    # Methods with a verdict of their own, such as the network, stand first.
    methods = dict(sorted(thresholds.items(), key=lambda item: (math.isnan(item[1]), item[0])))
    measured = Measured(sets, methods, PROTOCOLS[protocol].conditions, {})
    for (set_name, method), (_, run, rows) in chosen.items():
        for row in rows:
            measured.rows.setdefault((set_name, method, row.condition), []).append(row)
        measured.sources.append(run.source)
    for set_name, lost in measured.uncommon().items():
        left_out.append(
            f"{protocol}, {set_name}: {len(lost)} pictures were not measured by all methods; left out for all"
        )
    return measured, left_out


def _by_set(run: StoredRun) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for row in run.rows:
        rows.setdefault(row.set or run.set_name or run.folder.name, []).append(row)
    return rows
