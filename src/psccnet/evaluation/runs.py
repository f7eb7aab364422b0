"""A run: one comparator under one protocol over listed pictures, kept in a folder that it can be taken up from."""

import hashlib
import math
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psccnet.datasets.entry import Entry
from psccnet.errors import InputError, MissingFileError, PictureError
from psccnet.evaluation.comparators import Comparator
from psccnet.evaluation.protocol import Condition, Protocol, fingerprint, score_picture
from psccnet.evaluation.rows import Row, read_rows, rows_to_parquet
from psccnet.pictures.resumable_folder import ResumableFolder
from psccnet.training.provenance import machine, package_versions

PART = 20
"""Pictures whose rows are written together."""
PACKAGES = ("psccnet", "openvino", "torch", "numpy", "pillow", "opencv-contrib-python-headless")
MANIFEST, SCORES = "manifest.json", "scores.parquet"


class Run:
    """Goes through pictures and keeps a row for each condition.

    With a folder, rows are written as they come and a run that was cut off goes on where it was; a picture whose file
    or masks have changed since is looked at again. The manifest says what was measured with what: protocol,
    conditions, comparator with its identity, pictures with their sha256, and of each day and machine that measured a
    part of it, the package versions.

    Args:
        entries: pictures with ground truth; of which the protocol takes its part.
        comparator: looks at them.
        protocol: says how.
        folder: keeps manifest.json, scores.parquet and, until it is whole, parts; None keeps rows in memory only.
        set_name: of the pictures whose entries name no set; the manifest says it.

    Raises:
        InputError: if the folder holds a run of something else, the protocol takes none of the pictures, two of them
            have the same set and id, or no condition means anything to the comparator.
    """

    def __init__(
        self,
        entries: list[Entry],
        comparator: Comparator,
        protocol: Protocol,
        folder: Path | None = None,
        set_name: str = "",
    ) -> None:
        self.entries = protocol.chosen(entries)
        if not self.entries:
            raise InputError(f"none of the {len(entries)} pictures is forged, and {protocol.name} takes no others")
        twice = [key for key, times in Counter((entry.set, entry.id) for entry in self.entries).items() if times > 1]
        if twice:
            raise InputError(f"{twice[0][1]} is there twice; give each set a name of its own in the set column")
        self.comparator = comparator
        self.protocol = protocol
        self.set_name = set_name
        self.conditions: tuple[Condition, ...] = protocol.conditions_for(comparator)
        self.folder = None if folder is None else ResumableFolder(folder, MANIFEST)
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self.versions: list[dict[str, str]] = []
        """Date, machine and package versions of each sitting."""
        if self.folder is not None:
            self._take_up(self.folder)

    def _key(self) -> dict[str, Any]:
        """What a run that is taken up must have in common with this one."""
        names = [f"{entry.set}/{entry.id} {entry.manipulation}" for entry in self.entries]
        return {
            "protocol": self.protocol.name,
            "text": self.protocol.text,
            "conditions": [asdict(condition) for condition in self.conditions],
            "comparator": self.comparator.name,
            "identity": self.comparator.identity,
            "pictures": len(names),
            "list_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        }

    def _take_up(self, folder: ResumableFolder) -> None:
        before = folder.claim("a run", self._key())
        if before is not None:
            parts = [path for path in (folder.path / SCORES, *folder.kept("part-*.parquet")) if path.is_file()]
            # A run that was cut off at its very end has some rows in both.
            kept = {(row.set, row.id, row.condition): row for part in parts for row in read_rows(part)}
            same = {(entry.set, entry.id): fingerprint(entry) for entry in self.entries}
            self.rows = [row for row in kept.values() if same.get((row.set, row.id)) == (row.sha256, row.truth_sha256)]
            self.versions = before.get("versions", [])

    def __len__(self) -> int:
        """How many pictures are still to be looked at."""
        return len(self._left())

    def _left(self) -> list[Entry]:
        done = {(row.set, row.id) for row in self.rows}
        return [entry for entry in self.entries if (entry.set, entry.id) not in done]

    def go(self) -> Iterator[Entry]:
        """Look at the pictures that are left, one by one; what cannot be used is left out, named in `failures`."""
        fresh: list[Row] = []
        left = self._left()
        now = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "python": platform.python_version(),
            **package_versions(PACKAGES),
        }
        if left and now not in self.versions:
            self.versions.append(now)
        for number, entry in enumerate(left, 1):
            try:
                fresh += score_picture(entry, self.comparator, self.conditions)
            except (PictureError, MissingFileError) as error:
                self.failures.append(str(error))
                continue
            finally:
                if number % PART == 0:
                    fresh = self._keep(fresh)
            yield entry
        self._keep(fresh)
        if self.folder is not None:
            self._finish(self.folder)

    def _keep(self, fresh: list[Row]) -> list[Row]:
        """Add rows and write them as a part; an empty list to go on with."""
        self.rows += fresh
        if self.folder is not None and fresh:
            number = len(self.folder.kept("part-*.parquet"))
            self.folder.keep(f"part-{number:05d}.parquet", rows_to_parquet(fresh))
        return []

    def _finish(self, folder: ResumableFolder) -> None:
        """One file of all rows in the order of the list, and a manifest with the hash of each picture."""
        place = {(entry.set, entry.id): number for number, entry in enumerate(self.entries)}
        self.rows.sort(key=lambda row: place[row.set, row.id])
        pictures = {f"{row.set}/{row.id}": row.sha256 for row in self.rows}
        threshold = self.comparator.threshold
        manifest = self._key() | {
            "set": self.set_name,
            "threshold": None if math.isnan(threshold) else threshold,
            "versions": self.versions,
            "left_out": self.failures,
            "sha256": pictures,
        }
        folder.finish({folder.path / SCORES: rows_to_parquet(self.rows), folder.about: folder.text(manifest)})
