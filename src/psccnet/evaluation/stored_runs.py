"""The runs that earlier commands left in a folder, read back with what they were measured with."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psccnet.errors import InputError
from psccnet.evaluation.rows import Row, read_rows
from psccnet.evaluation.runs import MANIFEST, SCORES
from psccnet.pictures.whole_files import parse_json, read_text

_SHOWN = 12
"""Characters of a hash that tell weights apart."""


@dataclass(frozen=True)
class Source:
    """What a part of a table was measured with.

    Attributes:
        comparator: its name.
        identity: what would change if its answers did, such as the sha256 of weights.
        versions: a sitting each: "date", "machine", "python" and package versions.
    """

    comparator: str
    identity: str
    versions: list[dict[str, str]]

    @property
    def date(self) -> str:
        """The last day of measuring, such as "2026-11-28"; "" where the run does not say."""
        return max((sitting.get("date", "") for sitting in self.versions), default="")

    @property
    def version(self) -> str:
        """The identity as people read it: hashes cut short."""
        return " ".join(part[:_SHOWN] if len(part) > 2 * _SHOWN else part for part in self.identity.split())


@dataclass(frozen=True)
class StoredRun:
    """A whole run.

    Attributes:
        folder: that keeps it.
        protocol: its name.
        source: what it was measured with.
        threshold: score from which the comparator calls a picture forged, or NaN.
        set_name: of the pictures whose rows name no set.
        rows: one a picture and condition.
    """

    folder: Path
    protocol: str
    source: Source
    threshold: float
    set_name: str
    rows: list[Row]


def read_run(folder: Path) -> StoredRun:
    """Read a whole run.

    Raises:
        InputError: if its manifest or rows make no sense; the message names the file.
    """
    manifest = folder / MANIFEST
    facts = parse_json(read_text(manifest), str(manifest))
    try:
        source = Source(facts["comparator"], facts["identity"], list(facts.get("versions", [])))
        protocol, threshold = str(facts["protocol"]), facts.get("threshold")
    except (KeyError, TypeError) as error:
        raise InputError(f"{manifest}: not the manifest of a run; delete its folder.") from error
    rows = read_rows(folder / SCORES)
    number = float("nan") if threshold is None else float(threshold)
    return StoredRun(folder, protocol, source, number, str(facts.get("set", "")), rows)


def stored_runs(folder: Path) -> tuple[list[StoredRun], list[str]]:
    """All whole runs below a folder, in the order of their names.

    Returns:
        The runs, and a sentence for each that is not whole or cannot be read.
    """
    runs, left_out = [], []
    for manifest in sorted(folder.rglob(MANIFEST)):
        if not (manifest.parent / SCORES).is_file():
            left_out.append(f"{manifest.parent}: the run is not finished; give its command again")
            continue
        try:
            runs.append(read_run(manifest.parent))
        except InputError as error:
            left_out.append(str(error))
    return runs, left_out


def provenance_note(sources: Iterable[Source]) -> str:
    """One sentence: when, on what machine, what with which weights, and which versions."""
    sources = list(sources)
    sittings: list[dict[str, Any]] = [sitting for source in sources for sitting in source.versions]

    def every(key: str) -> list[str]:
        return sorted({str(sitting[key]) for sitting in sittings if sitting.get(key)})

    dates = every("date")
    when = "on a day that the runs do not say" if not dates else " to ".join(dict.fromkeys((dates[0], dates[-1])))
    where = " and ".join(every("machine")) or "a machine that the runs do not name"
    methods = ", ".join(dict.fromkeys(f"{source.comparator} {source.version}".strip() for source in sources))
    packages = [f"{name} {' and '.join(every(name))}" for name in ("psccnet", "openvino", "torch") if every(name)]
    return (
        f"Measured {when} on {where}. Methods with what tells their versions apart: {methods}. {', '.join(packages)}."
    )
