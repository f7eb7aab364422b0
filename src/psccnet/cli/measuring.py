"""What the verbs that measure have in common: find the sets, run a protocol over them, keep the runs."""

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
"""Name of a set -> its pictures."""


def find_sets(
    sets: tuple[str, ...], protocol: "Protocol | None" = None, limit: int | None = None
) -> tuple[Sets, list[str]]:
    """The pictures of each set that `--set NAME=FOLDER` names.

    Args:
        sets: NAME=FOLDER, as given on the command line; a listing is as many sets as its set column has.
        protocol: takes its split of the sets that have one, and its pictures; None takes all.
        limit: at most so many pictures of each set, of each manipulation in proportion; None keeps all.

    Returns:
        The sets, and a sentence for each picture that was left out.

    Raises:
        InputError: if an option has no NAME=FOLDER, two sets have the same name, or no picture is found.
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
                raise InputError(f"--set: {option} is another set called {title}; name it otherwise in its set column")
            taken.add(plain_name(title))
        for entry in found.entries:
            entries_of.setdefault(entry.set or name, []).append(entry)
    if not entries_of:
        raise InputError(f"--set: no picture in {', '.join(sets)}; psccnet datasets check NAME FOLDER says why")
    for title, entries in entries_of.items():
        # Sets of which a protocol takes nothing stay as they are: measuring them says why.
        chosen = protocol.chosen(entries) if protocol is not None else entries
        entries_of[title] = stratified(chosen or entries, limit)
    return entries_of, failures


def measure(
    sets: Sets, comparators: list["Comparator"], protocol: "Protocol", folder: Path, limit: int | None = None
) -> tuple["Measured", list[str]]:
    """Run a protocol over sets, or read the runs that are there.

    Args:
        sets: name -> pictures.
        comparators: what looks at them.
        protocol: how.
        folder: holds a folder a run, whose name tells protocol, set, comparator and what it was measured with.
        limit: of `find_sets`, for the name of the folder.

    Returns:
        The rows, and a sentence for each picture that was left out.
    """
    from psccnet.evaluation.reporting.measured import Measured
    from psccnet.evaluation.reporting.table import plain_name
    from psccnet.evaluation.runs import Run
    from psccnet.evaluation.stored_runs import Source

    measured = Measured(list(sets), {one.name: one.threshold for one in comparators}, protocol.conditions, {})
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
