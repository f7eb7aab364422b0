"""`psccnet table`: the tables of the paper, measured."""

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from psccnet.cli.progress import progress, resumable, tell_left_out
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

    Prints Markdown and writes it with LaTeX, CSV and Parquet. Runs are kept in OUT/runs: given again, the command goes
    on where it was stopped, and a table whose runs are whole is made anew without running the network.

    For example:

        psccnet table V --set listing=validation/ --out results/

        psccnet table II --set columbia=downloads/columbia --set coverage=downloads/COVERAGE --comparator default
        --comparator centre --published

    Args:
        number: of the table.
        sets: NAME=FOLDER, by the names of `psccnet datasets list`; a listing counts as the sets in its set column.
        comparators: weights (a bundled name, a file or a folder), centre, noise, ela, ghosts, or NAME=FOLDER with masks
            that another program wrote.
        published: print also the figures that others published, with their sources, in a table of their own.
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
    of, failures = find_sets(sets, protocol.split)
    found = [find_comparator(words, device, precision) for words in comparators]
    if len({one.name for one in found}) < len(found):
        raise InputError(
            "--comparator: two of them have the same name; give one of the weights another name in its card"
            " (released ones get a card by psccnet weights import)"
        )
    measured, unusable = measure(of, found, protocol, out / "runs")
    status = tell_left_out(failures + unusable + measured.keep_common())
    tables = make(measured)
    if published:
        tables.append(published_figures(number))
    files = write_tables(tables, out, f"table-{number}")
    print("\n".join(one.markdown() for one in tables))
    print(f"psccnet: wrote {files[0]}, its .tex, and a .csv and .parquet of each table", file=sys.stderr)
    return status


def find_sets(sets: tuple[str, ...], split: str | None) -> tuple[dict[str, list["Entry"]], list[str]]:
    """The pictures of NAME=FOLDER words by the name of their set, and what was left out, in words."""
    from psccnet.datasets.catalogue import find, has_split
    from psccnet.evaluation.reporting.table import plain_name

    of: dict[str, list[Entry]] = {}
    failures: list[str] = []
    taken: set[str] = set()
    for words in sets:
        name, equals, folder = words.partition("=")
        if not equals:
            raise InputError(f"--set: {words!r} is not NAME=FOLDER, such as columbia=downloads/columbia")
        found = find(name, Path(folder), split if has_split(name) else None)
        failures += [str(one) for one in found.faults]
        for title in dict.fromkeys(entry.set or name for entry in found.entries):
            if plain_name(title) in taken:
                raise InputError(f"--set: {words} is another set called {title}; name it otherwise in its set column")
            taken.add(plain_name(title))
        for entry in found.entries:
            of.setdefault(entry.set or name, []).append(entry)
    if not of:
        raise InputError(f"--set: no picture in {', '.join(sets)}; psccnet datasets check NAME FOLDER says why")
    return of, failures


def measure(
    of: dict[str, list["Entry"]], comparators: list["Comparator"], protocol: "Protocol", folder: Path
) -> tuple["Measured", list[str]]:
    """Run a protocol over sets, or read the runs that are there; and what was left out, in words."""
    from psccnet.evaluation.reporting.table import plain_name
    from psccnet.evaluation.reporting.tables import Measured
    from psccnet.evaluation.runs import Run

    measured = Measured(list(of), {one.name: one.threshold for one in comparators}, protocol.conditions, {})
    failures: list[str] = []
    for comparator in comparators:
        identity = hashlib.sha256(comparator.identity.encode()).hexdigest()[:8]
        for title, entries in of.items():
            name = plain_name(f"{protocol.name} {title} {comparator.name} {identity}")
            run = Run(entries, comparator, protocol, folder / name)
            with resumable():
                for _ in progress(run.go(), f"pictures of {title} by {comparator.name}", len(run)):
                    pass
            for row in run.rows:
                measured.rows.setdefault((title, comparator.name, row.condition), []).append(row)
            failures += run.failures
    return measured, failures
