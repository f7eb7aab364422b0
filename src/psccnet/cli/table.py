"""`psccnet table`: measure the tables of the paper."""

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from psccnet.cli.progress import progress, report_left_out, resumable
from psccnet.errors import InputError

if TYPE_CHECKING:
    from psccnet.datasets.entry import Entry
    from psccnet.evaluation.comparators import Comparator
    from psccnet.evaluation.protocol import Protocol
    from psccnet.evaluation.reporting.tables import Measured

Number = Literal["II", "III", "IV", "V", "VI", "VII"]


def table(
    number: Number,
    /,
    *,
    sets: Annotated[tuple[str, ...], Parameter(name="--set", negative=())],
    comparators: Annotated[tuple[str, ...], Parameter(name="--comparator", negative=())] = ("default",),
    published: Annotated[bool, Parameter(negative=())] = False,
    out: Path = Path("results"),
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Measure a table of the paper: II and III localization, IV detection, V early exit, VI and VII robustness.

    Prints Markdown, and writes Markdown, LaTeX, CSV and Parquet. Runs are kept in OUT/runs: when the same command is
    run again, an interrupted run resumes, and a table with complete runs is made without running the network.

    For example:

        psccnet table V --set listing=validation/ --out results/

        psccnet table II --set columbia=downloads/columbia --set coverage=downloads/COVERAGE --comparator default
        --comparator centre --published

    Args:
        number: of the table.
        sets: NAME=FOLDER, with names from psccnet datasets list; a listing counts as the sets in its set column.
        comparators: weights (a bundled name, a file or a folder), centre, noise, ela, ghosts, or NAME=FOLDER with masks
            of another program.
        published: also print published figures, with their sources, in a separate table.
        out: folder for tables and runs.
        device: auto, cpu, cuda or mps.
        precision: auto, float32 or bf16.
    """
    from psccnet.evaluation.comparators import find_comparator
    from psccnet.evaluation.protocol import PROTOCOLS
    from psccnet.evaluation.reporting.published import published as published_figures
    from psccnet.evaluation.reporting.table import write_tables
    from psccnet.evaluation.reporting.tables import TABLES

    name, make = TABLES[number]
    protocol = PROTOCOLS[name]
    entries_by_set, failures = find_sets(sets, protocol.split)
    found = [find_comparator(comparator, device, precision) for comparator in comparators]
    if len({comparator.name for comparator in found}) < len(found):
        raise InputError(
            "--comparator: two of them have the same name; give one of the weights another name in its card"
            " (psccnet weights import makes a card for the released ones)"
        )
    measured, unusable = measure(entries_by_set, found, protocol, out / "runs")
    status = report_left_out(failures + unusable + measured.keep_common())
    tables = make(measured)
    if published:
        tables.append(published_figures(number))
    files = write_tables(tables, out, f"table-{number}")
    print("\n".join(made.markdown() for made in tables))
    print(f"psccnet: wrote {files[0]}, its .tex, and a .csv and .parquet of each table", file=sys.stderr)
    return status


def find_sets(sets: tuple[str, ...], split: str | None) -> tuple[dict[str, list["Entry"]], list[str]]:
    """The pictures of NAME=FOLDER arguments by the name of their set; and as text, what was left out."""
    from psccnet.datasets.catalogue import find, has_split
    from psccnet.evaluation.reporting.table import plain_name

    entries_by_set: dict[str, list[Entry]] = {}
    failures: list[str] = []
    taken: set[str] = set()
    for argument in sets:
        name, equals, folder = argument.partition("=")
        if not equals:
            raise InputError(f"--set: {argument!r} is not NAME=FOLDER, such as columbia=downloads/columbia")
        found = find(name, Path(folder), split if has_split(name) else None)
        failures += [str(problem) for problem in found.faults]
        for title in dict.fromkeys(entry.set or name for entry in found.entries):
            if plain_name(title) in taken:
                raise InputError(f"--set: {argument} is another set called {title}; change its name in its set column")
            taken.add(plain_name(title))
        for entry in found.entries:
            entries_by_set.setdefault(entry.set or name, []).append(entry)
    if not entries_by_set:
        raise InputError(f"--set: no picture in {', '.join(sets)}; psccnet datasets check NAME FOLDER says why")
    return entries_by_set, failures


def measure(
    entries_by_set: dict[str, list["Entry"]], comparators: list["Comparator"], protocol: "Protocol", folder: Path
) -> tuple["Measured", list[str]]:
    """Run a protocol on sets, or read earlier runs; the second value is what was left out, as text."""
    from psccnet.evaluation.reporting.table import plain_name
    from psccnet.evaluation.reporting.tables import Measured
    from psccnet.evaluation.runs import Run

    thresholds = {comparator.name: comparator.threshold for comparator in comparators}
    measured = Measured(list(entries_by_set), thresholds, protocol.conditions, {})
    failures: list[str] = []
    for comparator in comparators:
        identity = hashlib.sha256(comparator.identity.encode()).hexdigest()[:8]
        for title, entries in entries_by_set.items():
            name = plain_name(f"{protocol.name} {title} {comparator.name} {identity}")
            run = Run(entries, comparator, protocol, folder / name)
            with resumable():
                for _ in progress(run.go(), f"pictures of {title} by {comparator.name}", len(run)):
                    pass
            for row in run.rows:
                measured.rows.setdefault((title, comparator.name, row.condition), []).append(row)
            failures += run.failures
    return measured, failures
