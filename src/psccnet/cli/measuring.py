"""Shared by the verbs that measure: find sets, run a protocol on them, keep the runs."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from psccnet.cli.progress import progress, resumable
from psccnet.errors import InputError

if TYPE_CHECKING:
    from psccnet.datasets.entry import Entry
    from psccnet.evaluation.comparators import Comparator
    from psccnet.evaluation.protocol import Protocol
    from psccnet.evaluation.reporting.measured import Measured

Sets = dict[str, list["Entry"]]
"""The pictures of each set, by its name."""


def find_sets(
    sets: tuple[str, ...], protocol: "Protocol | None" = None, limit: int | None = None
) -> tuple[Sets, list[str]]:
    """The pictures of each set that `--set NAME=FOLDER` names.

    Args:
        sets: NAME=FOLDER, as given on the command line; a listing counts as the sets in its set column.
        protocol: keep only its pictures, and its split of sets that have one; None keeps all.
        limit: largest number of pictures of each set, in proportion to each manipulation; None keeps all.

    Returns:
        The sets, and a sentence for each picture that was left out.

    Raises:
        InputError: if an option is not NAME=FOLDER, two sets have the same name, or no picture is found.
    """
    from psccnet.datasets.catalogue import find, has_split
    from psccnet.datasets.choosing import stratified
    from psccnet.evaluation.reporting.table import plain_name

    entries_of: Sets = {}
    failures: list[str] = []
    taken: set[str] = set()
    for option in sets:
        name, equals, folder = option.partition("=")
        if not equals:
            raise InputError(f"--set: {option!r} is not NAME=FOLDER, such as columbia=downloads/columbia")
        found = find(name, Path(folder), protocol.split if protocol is not None and has_split(name) else None)
        failures += [str(fault) for fault in found.faults]
        for title in dict.fromkeys(entry.set or name for entry in found.entries):
            if plain_name(title) in taken:
                raise InputError(f"--set: {option} is another set called {title}; change its name in its set column")
            taken.add(plain_name(title))
        for entry in found.entries:
            entries_of.setdefault(entry.set or name, []).append(entry)
    if not entries_of:
        raise InputError(f"--set: no picture in {', '.join(sets)}; psccnet datasets check NAME FOLDER says why")
    for title, entries in entries_of.items():
        # A set of which the protocol uses no picture is kept complete: measuring it reports the reason.
        chosen = protocol.chosen(entries) if protocol is not None else entries
        entries_of[title] = stratified(chosen or entries, limit)
    return entries_of, failures


def measure(
    sets: Sets, comparators: list["Comparator"], protocol: "Protocol", folder: Path, limit: int | None = None
) -> tuple["Measured", list[str]]:
    """Run a protocol on sets, or read earlier runs.

    Args:
        sets: pictures by set.
        comparators: methods to measure.
        protocol: to measure with.
        folder: holds a folder for each run, named after protocol, set, comparator and its identity.
        limit: that of `find_sets`, for the name of the folder.

    Returns:
        The rows, and a sentence for each picture that was left out.
    """
    from psccnet.evaluation.reporting.measured import Measured
    from psccnet.evaluation.reporting.table import plain_name
    from psccnet.evaluation.runs import Run
    from psccnet.evaluation.stored_runs import Source

    thresholds = {comparator.name: comparator.threshold for comparator in comparators}
    measured = Measured(list(sets), thresholds, protocol.conditions, {})
    failures: list[str] = []
    for comparator in comparators:
        identity = hashlib.sha256(comparator.identity.encode()).hexdigest()[:8]
        for title, entries in sets.items():
            part = "" if limit is None else f" {limit}"
            name = plain_name(f"{protocol.name} {title} {comparator.name} {identity}{part}")
            run = Run(entries, comparator, protocol, folder / name, title)
            with resumable():
                for _ in progress(run.go(), f"pictures of {title} by {comparator.name}", len(run)):
                    pass
            for row in run.rows:
                measured.rows.setdefault((title, comparator.name, row.condition), []).append(row)
            measured.sources.append(Source(comparator.name, comparator.identity, run.versions))
            failures += run.failures
    return measured, failures
