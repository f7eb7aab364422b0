"""The results folder of a scan: Parquet parts that are written completely or not at all."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from psccnet.errors import InputError
from psccnet.pictures.resumable_folder import ResumableFolder
from psccnet.pictures.whole_files import make_folder, write_whole, writing
from psccnet.scan.keys import Keys
from psccnet.scan.rows import SCHEMA, Row, from_table, to_parquet

MANIFEST, PARTS, LOCKS = "scan.json", "parts", "locks"
SMALL = 5_000
"""Parts with fewer rows are merged, as soon as there are `MANY` of them."""
MANY = 64


class Known(NamedTuple):
    """What earlier runs did.

    Attributes:
        done: keys of the pictures that have a row.
        computed: the first 16 bytes of the sha256 of files that were computed.
        failed: keys of the pictures that have a row of a failure.
    """

    done: Keys
    computed: Keys
    failed: Keys


class ScanFolder:
    """A folder with the results of a scan.

    Rows are added in parts; each is a file that appears completely. A picture that is in no part is examined again by
    the next run, so that none is lost; a picture that is in one is not examined again.

    Args:
        path: the folder; made by `claim`.
        shard: the shard of this process, such as "3-of-16"; each shard has its own folder of parts.
    """

    def __init__(self, path: Path, shard: str = "1-of-1") -> None:
        self.path = path
        self.shard = shard
        self.parts = path / PARTS / shard
        self._manifest = ResumableFolder(path, MANIFEST)
        self._small = 0

    def claim(self, what: Mapping[str, Any]) -> bool:
        """Write what will be computed, or check it against the folder's description; return whether there was one.

        Raises:
            InputError: if the folder is of a scan with another model, threshold or option; the message names it.
            WriteError: if the folder cannot be written.
        """
        return self._manifest.claim("a scan", what) is not None

    def description(self) -> dict[str, Any]:
        """The description of the scan.

        Raises:
            InputError: if the folder holds no scan.
        """
        description = self._manifest.description()
        if description is None:
            raise InputError(f"{self.path}: holds no results of a scan; give the folder that was --out.")
        return description

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the shard against a second run, and remove what a killed run left.

        Raises:
            InputError: if another process has the lock.
            WriteError: if the folder cannot be written.
        """
        try:
            import fcntl
        except ModuleNotFoundError:  # not on Windows
            self._tidy()
            yield
            return
        make_folder(self.path / LOCKS)
        name = self.path / LOCKS / f"{self.shard}.lock"
        with writing(name):
            handle = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.path}: another scan is writing there; wait for it, or give each scan its own --shard."
                ) from None
            self._tidy()
            yield
        finally:
            os.close(handle)

    def files(self) -> list[Path]:
        """The parts of all shards, by shard and time."""
        return sorted(self.path.glob(f"{PARTS}/*/*.parquet"))

    def known(self, again: bool = False) -> Known:
        """What earlier runs did; reads three columns of each part once.

        Args:
            again: pictures that failed do not count as done, so that they are examined again.
        """
        done, computed, failed = bytearray(), bytearray(), bytearray()
        for file in self.files():
            table = pq.read_table(file, columns=["key", "state", "sha256"])
            failures = table.filter(pc.equal(table["state"], "failed"))
            failed += b"".join(failures["key"].to_pylist())
            kept = table.filter(pc.not_equal(table["state"], "failed")) if again else table
            done += b"".join(kept["key"].to_pylist())
            results = table.filter(pc.equal(table["state"], "done"))
            computed += b"".join(bytes.fromhex(sha256[:32]) for sha256 in results["sha256"].to_pylist())
        return Known(Keys(done), Keys(computed), Keys(failed))

    def add(self, rows: list[Row], name: str | None = None) -> None:
        """Write rows as a part of this shard; merge small parts as soon as there are many.

        Args:
            rows: not empty.
            name: of the part; it replaces a part of the same name. Named parts are merged only by `put_together`.

        Raises:
            WriteError: if the part cannot be written.
        """
        make_folder(self.parts)
        write_whole({self.parts / f"{name or _fresh_name()}.parquet": to_parquet(rows)}, durable=True)
        self._small += name is None
        if self._small >= MANY:
            self.put_together()

    def put_together(self) -> None:
        """Merge the small parts of this shard into one.

        The new part lists the parts that it replaces: if a run ends before they are removed, the next one removes them.

        Raises:
            WriteError: if the part cannot be written.
        """
        self._small = 0
        small = [file for file in self._own() if pq.read_metadata(file).num_rows < SMALL]
        if len(small) < 2:
            return
        table = pa.concat_tables([pq.read_table(file, schema=SCHEMA) for file in small])
        names = "\n".join(file.name for file in small)
        write_whole({self.parts / f"{_fresh_name()}.parquet": from_table(table, {"replaces": names})}, durable=True)
        self._remove(small)

    def _tidy(self) -> None:
        """Remove what a killed run of this shard left: temporary files, and parts that were replaced."""
        self._remove(list(self.parts.glob(".*.tmp")))
        for file in self._own():
            replaced = (pq.read_metadata(file).metadata or {}).get(b"replaces", b"").decode()
            self._remove([self.parts / name for name in replaced.split("\n") if name])

    def _own(self) -> list[Path]:
        return sorted(self.parts.glob("*.parquet"))

    def _remove(self, files: list[Path]) -> None:
        for file in files:
            with writing(file):
                file.unlink(missing_ok=True)


def _fresh_name() -> str:
    """A name that sorts by time, also among processes and machines."""
    return f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
